import os

import hypothesis

pytest_plugins = ["fixtures_models", "fixtures_io", "fixtures_cli", "fixtures_engines", "fixtures_serve"]
# They run in environments of their own: make test-engines.
collect_ignore = ["engines"]

# The first example of a run may import much; how long one takes says nothing.
hypothesis.settings.register_profile("ger", deadline=None)
hypothesis.settings.register_profile("few", deadline=None, max_examples=10)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ger"))
