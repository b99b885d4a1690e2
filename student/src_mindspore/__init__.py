"""The course library: network, data set and fast inference for the MobileNetV2 labs."""
