"""How the show-model's prior was made: suggestions at holes in real files, and a logistic regression on them."""
