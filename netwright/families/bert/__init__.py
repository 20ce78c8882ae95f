"""Networks that others have trained on much text, trained on with labelled rows; built by the library transformers."""
