"""Companion package of the course "Recurrent Networks for Time Series".

Small and readable: each module is opened up by the chapter that first uses it.
Importing the package imports none of its modules, so neither PyTorch nor Matplotlib
is loaded before something needs it.
"""

__version__ = "0.1.0"
