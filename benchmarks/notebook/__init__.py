"""The figures that the notebook printed in 2021, beside those of saved runs."""
