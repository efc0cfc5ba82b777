"""The images, run by a real Docker in the lab."""
