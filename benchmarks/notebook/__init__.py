"""The figures that the notebook printed in 2021."""
