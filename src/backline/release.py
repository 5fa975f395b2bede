"""Which release this is; here and not in the package's metadata, since containers have the code alone."""

VERSION = "0.1.0"
