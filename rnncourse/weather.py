"""Daily weather to features and a drought score. Formulas of FAO-56, numbered as there.

References
----------
Allen, Pereira, Raes and Smith, *Crop evapotranspiration*, FAO Irrigation and Drainage Paper 56 (1998).
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike

# Degrees north of the town, or of the middle of the county, to about a tenth: the weather files give none.
# An error of 0.1 changes extraterrestrial radiation by about 1 % at most. January is Córdoba's warmest
# month, so it is the one in Argentina; Champion is in Nebraska.
LATITUDES = {
    "brussels": 50.8,
    "cambridge": 52.2,
    "champion": 40.5,
    "cordoba": -31.4,
    "hyderabad": 17.4,
    "lincolnshire": 53.1,
    "norfolk": 52.6,
    "north_yorks": 54.1,
    "northumberland": 55.2,
    "suffolk": 52.2,
    "tunis": 36.8,
}
# The US Drought Monitor's cut points: percentiles at which the scores 5, 4, … 0 begin.
PERCENTILES = (0.0, 0.02, 0.05, 0.10, 0.20, 0.30)
DAYS = 90  # of the water balance that the score looks at


def vapour_pressure(temperature: ArrayLike) -> np.ndarray:
    """Return the saturation vapour pressure at an air temperature: FAO-56, equation 11.

    Parameters
    ----------
    temperature : array_like
        °C.

    Returns
    -------
    ndarray
        kPa. The mean of the values at a day's highest and lowest temperature is the day's saturation
        vapour pressure (equation 12); the value at the lowest temperature alone stands for the
        actual vapour pressure where no humidity is measured (equation 48).

    Examples
    --------
    >>> vapour_pressure([15.0, 24.5]).round(3)
    array([1.705, 3.075])
    """
    celsius = np.asarray(temperature, dtype=np.float64)
    pressure: np.ndarray = 0.6108 * np.exp(17.27 * celsius / (celsius + 237.3))
    return pressure


def sun(latitude: float, day: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return extraterrestrial radiation and daylight hours: FAO-56, equations 21 to 25 and 34.

    Parameters
    ----------
    latitude : float
        Degrees, north positive, -90 to 90.
    day : array_like of int
        Day of the year, 1 to 366.

    Returns
    -------
    radiation : ndarray
        MJ per m² and day, on a horizontal surface above the atmosphere.
    daylight : ndarray
        Hours, at most 24.

    Raises
    ------
    ValueError
        If the latitude is not between -90 and 90.

    Examples
    --------
    20° south on 3 September, FAO-56's examples 8 and 9:

    >>> radiation, daylight = sun(-20.0, 246)
    >>> print(radiation.round(1), daylight.round(1))
    32.2 11.7
    """
    if not -90 <= latitude <= 90:
        raise ValueError(f"latitude must be between -90 and 90 degrees, got {latitude}")
    phi, year = np.deg2rad(latitude), 2 * np.pi * np.asarray(day, dtype=np.float64) / 365
    distance = 1 + 0.033 * np.cos(year)
    declination = 0.409 * np.sin(year - 1.39)
    # Within the polar circles the sun may not rise or not set: then there is no such angle.
    sunset = np.arccos(np.clip(-np.tan(phi) * np.tan(declination), -1, 1))
    height = sunset * np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.sin(sunset)
    return 24 * 60 / np.pi * 0.0820 * distance * height, 24 / np.pi * sunset


def drought_score(balance: ArrayLike, date: ArrayLike, training: ArrayLike) -> np.ndarray:
    """Return a drought score from 0 (none) to 5 for each day of one site.

    A day's water balance is ranked among those of the *training* days that lie within 7 days of
    the same day of the year. The percentile is the share of them that are lower, plus half the share that
    are equal. Percentiles of 0.30, 0.20, 0.10, 0.05, 0.02 and 0 are scores of 0, 1, 2, 3, 4 and 5, with
    straight lines between.

    Parameters
    ----------
    balance : array_like of float, shape (T,)
        Rain less evapotranspiration of the last 90 days, mm.
    date : array_like of datetime64, shape (T,)
        The days.
    training : array_like of bool, shape (T,)
        Whether a day may be ranked against. What happens on the other days has no influence on any
        score but their own.

    Returns
    -------
    ndarray, shape (T,)
        The scores.

    Raises
    ------
    ValueError
        If the lengths differ or if a day has no training day near it in the year.

    References
    ----------
    The percentiles are the cut points of the US Drought Monitor (droughtmonitor.unl.edu).

    Examples
    --------
    >>> days = pd.to_datetime(["2001-06-01", "2002-06-01", "2003-06-02", "2004-06-01"])
    >>> drought_score([-10.0, 20.0, 30.0, -50.0], days, [True, True, True, False]).round(2)
    array([1.33, 0.  , 0.  , 5.  ])
    """
    values, known = np.asarray(balance, np.float64), np.asarray(training, bool)
    days = pd.DatetimeIndex(np.asarray(date, "datetime64[s]"))
    if not values.shape == days.shape == known.shape:
        raise ValueError(f"balance, date and training differ in shape: {values.shape}, {days.shape}, {known.shape}")
    # Places in a leap year, so that a date has the same place every year.
    place = days.day_of_year.to_numpy() + ((days.month > 2) & ~days.is_leap_year)
    percentile = np.empty(len(values))
    for here in np.unique(place):
        apart = np.abs(place - here)
        peers = np.sort(values[known & (np.minimum(apart, 366 - apart) <= 7)])
        if not len(peers):
            raise ValueError(f"training has no day within 7 days of {days[place == here][0].date()}")
        own = values[place == here]
        below, up_to = np.searchsorted(peers, own), np.searchsorted(peers, own, side="right")
        percentile[place == here] = (below + up_to) / (2 * len(peers))
    return np.interp(percentile, PERCENTILES, [5.0, 4.0, 3.0, 2.0, 1.0, 0.0])


def drought_table(weather: pd.DataFrame, latitudes: Mapping[str, float], *, share: float = 0.7) -> pd.DataFrame:
    """Return 18 daily features and a weekly drought score for each site.

    Parameters
    ----------
    weather : DataFrame
        Columns "site", "date", "tmin", "tmax" (°C), "rain" and "et0" (mm per day): one site after the
        other, day by day without gaps.
    latitudes : mapping of str to float
        Degrees north of each site.
    share : float, default 0.7
        The first part of each site's calendar years, rounded down, that scores are ranked against.

    Returns
    -------
    DataFrame
        "site", "date", 18 columns (see `datasets.drought`), "score": blank (NaN) but on Tuesdays, the day that the
        US Drought Monitor's maps are valid for. The first 89 days of a site are left out, as
        they have no sum of 90 days. ``attrs["training_end"]``: last training day of each site.

    Raises
    ------
    TypeError
        If the column "date" holds something else than dates.
    ValueError
        If a column is missing, a value is not finite, a site has no latitude or too few days, days
        are not consecutive, or the share leaves no training year.
    """
    numbers = ["tmin", "tmax", "rain", "et0"]
    if missing := [name for name in ["site", "date", *numbers] if name not in weather]:
        raise ValueError(f"weather lacks the columns {missing}")
    if not isinstance(weather["date"].dtype, np.dtype) or weather["date"].dtype.kind != "M":
        raise TypeError(f"weather must have dates in its column 'date', got dtype {weather['date'].dtype}")
    if not np.isfinite(weather[numbers].to_numpy(np.float64)).all():
        raise ValueError(f"weather must be finite in the columns {numbers}")
    tables, ends = [], {}
    for site, days in weather.groupby("site", sort=False):
        name = str(site)
        if name not in latitudes:
            raise ValueError(f"latitudes has no entry for site {name!r}")
        if len(days) <= DAYS or (days["date"].diff().iloc[1:] != pd.Timedelta(days=1)).any():
            raise ValueError(f"weather of site {name!r} must be more than {DAYS} consecutive days")
        years = days["date"].dt.year.unique()
        training_years = years[: int(share * len(years))]
        if not len(training_years):
            raise ValueError(f"share = {share} of {len(years)} years leaves site {name!r} no training year")
        table = _features(days.reset_index(drop=True), latitudes[name]).iloc[DAYS - 1 :]
        training = table["date"].dt.year <= training_years[-1]
        score = drought_score(table.pop("balance_90"), table["date"], training)
        tables.append(table.assign(score=np.where(table["date"].dt.day_of_week == 1, score, np.nan)))
        ends[name] = f"{table['date'][training].max():%Y-%m-%d}"
    whole = pd.concat(tables, ignore_index=True)
    whole.attrs["training_end"] = ends
    return whole


def _features(days: pd.DataFrame, latitude: float) -> pd.DataFrame:
    """The features of one site; NaN where a sum reaches back before the first day."""
    table = days[["site", "date", "tmin", "tmax", "rain", "et0"]].copy()
    table["tmean"] = (days["tmin"] + days["tmax"]) / 2
    table["trange"] = days["tmax"] - days["tmin"]
    table["es"] = (vapour_pressure(days["tmin"]) + vapour_pressure(days["tmax"])) / 2
    table["ea"] = vapour_pressure(days["tmin"])
    table["vpd"] = table["es"] - table["ea"]
    table["ra"], table["daylight"] = sun(latitude, days["date"].dt.day_of_year)
    table["balance"] = days["rain"] - days["et0"]
    for name, length in (("rain", 7), ("rain", 30), ("rain", DAYS), ("et0", 7), ("et0", 30)):
        table[f"{name}_{length}"] = _sums(days[name], length)
    count = np.arange(len(days))
    last_wet = np.maximum.accumulate(np.where(days["rain"] >= 1, count, -1))
    table["dry_spell"] = (count - last_wet).astype(np.float64)
    table["balance_90"] = _sums(table["balance"], DAYS)
    return table


def _sums(values: pd.Series, length: int) -> np.ndarray:
    """Sums of the last `length` days. Each afresh: a running sum would carry rounding errors on from day to day."""
    sums = sliding_window_view(values.to_numpy(np.float64), length).sum(axis=-1)
    return np.concatenate([np.full(length - 1, np.nan), sums])
