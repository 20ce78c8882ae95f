"""Random convolutions and a closed form: the quickest good way to tell sequences apart."""
