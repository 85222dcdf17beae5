"""The doors of the house: the standards' interfaces and the portal, over one gate."""
