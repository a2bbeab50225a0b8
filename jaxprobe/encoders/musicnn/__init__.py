"""MusiCNN and its VGG siblings (Pons and Serra, 2019): music taggers on 3-second patches."""
