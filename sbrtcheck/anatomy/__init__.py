"""Where lesions are: targets grouped into lesions, their organ, central structures of the chest, long bones."""
