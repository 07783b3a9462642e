"""From a request to text: prefill, the choice of each token, candidates, healed words."""
