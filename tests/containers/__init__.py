"""The images, run by a real Docker in the lab."""

import pytest

pytest.register_assert_rewrite("tests.support.listing")
