"""Configuration languages: text to frozen values, every complaint with its file and line.

Pure: who calls injects the reading.
"""
