"""Configuration languages: text to frozen values, every complaint with its file and line. Pure: callers inject the reading."""
