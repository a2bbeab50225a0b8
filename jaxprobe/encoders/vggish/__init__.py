"""VGGish (Hershey et al., 2017): a VGG on log mel examples of a second, trained on video sound."""
