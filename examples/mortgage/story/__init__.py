"""What `make demo` tells and does. Standard library and PyYAML only. See ../README.md."""
