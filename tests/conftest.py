pytest_plugins = ["tests.fixtures_models"]
