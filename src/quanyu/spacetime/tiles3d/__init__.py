"""3D Tiles 1.1 of what a view shows: a tree of tiles, and each as glTF when it is asked for."""
