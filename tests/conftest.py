pytest_plugins = ["fixtures_models"]
