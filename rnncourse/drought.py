"""Drought: daily weather to features and a score, and windows of days that end in weekly scores.

Opened up in chapter 5. Formulas are those of FAO-56, numbered as there.

References
----------
Allen, Pereira, Raes and Smith, *Crop evapotranspiration*, FAO Irrigation and Drainage Paper 56 (1998).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike

from rnncourse._checks import finite_floats, finite_number, whole_number, within
from rnncourse._dates import check_table, days_apart, features_of

if TYPE_CHECKING:
    import pandas as pd

# Degrees north of the town, or of the middle of the county, to about a tenth: the weather files give none.
# An error of 0.1 changes extraterrestrial radiation by about 1 % at most. January is Córdoba's warmest
# month, so it is the one in Argentina; Champion is in Nebraska.
# fmt: off
LATITUDES = {"brussels": 50.8, "cambridge": 52.2, "champion": 40.5, "cordoba": -31.4,
             "hyderabad": 17.4, "lincolnshire": 53.1, "norfolk": 52.6, "north_yorks": 54.1,
             "northumberland": 55.2, "suffolk": 52.2, "tunis": 36.8}
# fmt: on
# The US Drought Monitor's cut points: percentiles at which the scores 5, 4, … 0 begin.
PERCENTILES = (0.0, 0.02, 0.05, 0.10, 0.20, 0.30)
DAYS = 90  # of the water balance that the score looks at
# What no weather on Earth goes beyond: °C and mm per day. It tells kelvins and codes such as -999 for "not measured".
_RANGES = {"tmin": (-100, 100), "tmax": (-100, 100), "rain": (0, 2000), "et0": (-5, 50)}


class DroughtWindows(NamedTuple):
    """Windows of daily features and the weekly scores that follow.

    Attributes
    ----------
    inputs : ndarray, shape (N, L, F)
        L days of F features: the table's columns, the score (straight lines between the weekly values), sine and cosine
        of 2π · day of the year / 366. The last day has a score of its own.
    targets : ndarray, shape (N, h)
        The scores of the h weeks after the last day.
    site : ndarray of str, shape (N,)
        Where.
    target_date : ndarray of datetime64[D], shape (N, h)
        The days of the targets. Split in time by these, so that no target is in two parts.
    """

    inputs: np.ndarray
    targets: np.ndarray
    site: np.ndarray
    target_date: np.ndarray


def vapour_pressure(temperature: ArrayLike) -> np.ndarray:
    """Return the saturation vapour pressure at an air temperature: FAO-56, equation 11.

    Parameters
    ----------
    temperature : array_like
        °C, from -100 to 100.

    Returns
    -------
    ndarray
        kPa. The mean of the values at a day's highest and lowest temperature is the day's saturation
        vapour pressure (equation 12); the value at the lowest temperature alone stands for the
        actual vapour pressure where no humidity is measured (equation 48).

    Raises
    ------
    TypeError, ValueError
        If a temperature is not a finite number in this range.

    Examples
    --------
    >>> vapour_pressure([15.0, 24.5]).round(3)
    array([1.705, 3.075])
    """
    celsius = within("temperature", temperature, (-100, 100), ndim=range(65)).astype(np.float64)
    return np.asarray(0.6108 * np.exp(17.27 * celsius / (celsius + 237.3)))


def sun(latitude: float, day: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return extraterrestrial radiation and daylight hours: FAO-56, equations 21 to 25 and 34.

    Parameters
    ----------
    latitude : float
        Degrees, north positive, -90 to 90.
    day : array_like
        Day of the year, a whole number from 1 to 366.

    Returns
    -------
    radiation : ndarray
        MJ per m² and day, on a horizontal surface above the atmosphere.
    daylight : ndarray
        Hours, at most 24.

    Raises
    ------
    TypeError, ValueError
        If the latitude is not a number from -90 to 90, or a day not a whole number from 1 to 366.

    Examples
    --------
    20° south on 3 September, FAO-56's examples 8 and 9:

    >>> radiation, daylight = sun(-20.0, 246)
    >>> print(radiation.round(1), daylight.round(1))
    32.2 11.7
    """
    finite_number("latitude", latitude, "between -90 and 90 degrees", lambda x: -90 <= x <= 90)
    number = within("day", day, (1, 366), ndim=range(65)).astype(np.float64)
    if (odd := number != np.floor(number)).any():
        raise ValueError(f"day must be a whole number, got {number[odd][0]}")
    phi, year = np.deg2rad(latitude), 2 * np.pi * number / 365
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
    date : array_like of dates, shape (T,)
        The days, each once; text is read as ISO 8601 has it, such as "2001-06-30".
    training : array_like of bool, shape (T,)
        Whether a day may be ranked against. What happens on the other days has no influence on any
        score but their own.

    Returns
    -------
    ndarray, shape (T,)
        The scores.

    Raises
    ------
    TypeError, ValueError
        If a balance is not a finite number, `date` does not hold dates or `training` anything else than True and
        False; if the lengths differ, a day comes twice, or a day has no training day near it in the year.

    References
    ----------
    The percentiles are the cut points of the US Drought Monitor (droughtmonitor.unl.edu).

    Examples
    --------
    >>> days = ["2001-06-01", "2002-06-01", "2003-06-02", "2004-06-01"]
    >>> drought_score([-10.0, 20.0, 30.0, -50.0], days, [True, True, True, False]).round(2)
    array([1.33, 0.  , 0.  , 5.  ])
    """
    values, days, known = finite_floats("balance", balance, ndim=(1,)), _days(date), np.asarray(training)
    if np.ma.isMaskedArray(training) or known.dtype != bool:
        raise TypeError(f"training must hold True and False, got {type(training).__name__} of dtype {known.dtype}")
    if not values.shape == days.shape == known.shape:
        raise ValueError(f"balance, date and training differ in shape: {values.shape}, {days.shape}, {known.shape}")
    return _scores(_ranked(values, days.to_series(), known))


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
        The first part of each site's calendar years, rounded down, that scores are ranked against; above 0, at
        most 1.

    Returns
    -------
    DataFrame
        "site", "date", 18 features (see `datasets.drought`), "score": blank (NaN) but on Tuesdays, the day that the
        US Drought Monitor's maps are valid for. Apart from the features, after the score: "balance_90", what is
        ranked (mm), and its "percentile", of each day. The first 89 days of a site are left out, as they have no sum
        of 90 days. ``attrs["training_end"]``: last training day of each site.

    Raises
    ------
    TypeError
        If `weather` is not a DataFrame, the column "date" holds something else than dates, one of weather something
        else than numbers, or a latitude or the share is not a number.
    ValueError
        If a column is missing, a value is not finite or beyond any weather on Earth, `tmin` exceeds `tmax`, a row has
        no site, a site has no latitude or too few days, days are not consecutive, or the share is outside (0, 1] or
        leaves no training year.
    """
    import pandas as pd

    finite_number("share", share, "greater than 0 and at most 1", lambda x: 0 < x <= 1)
    _check_sites("latitudes", latitudes, "degrees north")
    check_table("weather", weather, ("site", "date", *_RANGES))
    checked = {n: within(f"weather: column {n!r}", weather[n], limits, ndim=(1,)) for n, limits in _RANGES.items()}
    weather = weather[["site", "date"]].assign(**checked).astype(dict.fromkeys(_RANGES, np.float64))
    if (crossed := (weather["tmin"] > weather["tmax"]).to_numpy()).any():
        low, high = weather[["tmin", "tmax"]].to_numpy()[row := int(np.argmax(crossed))]
        raise ValueError(f"weather: tmin must not exceed tmax, got {low} and {high} in row {row}")
    tables, ends = [], {}
    for site, days in weather.groupby("site", sort=False, observed=True):
        name = str(site)
        latitude = _of_site("latitudes", latitudes, name)
        if len(days) <= DAYS or (days["date"].diff().iloc[1:] != pd.Timedelta(days=1)).any():
            raise ValueError(f"weather of site {name!r} must be more than {DAYS} consecutive days")
        years = days["date"].dt.year.unique()
        training_years = years[: int(round(share * len(years), 9))]  # rounded: 0.57 · 100 is a little less than 57
        if not len(training_years):
            raise ValueError(f"share = {share} of {len(years)} years leaves site {name!r} no training year")
        table = _features(days.reset_index(drop=True), latitude).iloc[DAYS - 1 :]
        training = table["date"].dt.year <= training_years[-1]
        balance = table.pop("balance_90").to_numpy()
        percentile = _ranked(balance, table["date"], training.to_numpy())
        score = np.where(table["date"].dt.day_of_week == 1, _scores(percentile), np.nan)
        tables.append(table.assign(score=score, balance_90=balance, percentile=percentile))
        ends[name] = f"{table['date'][training].max():%Y-%m-%d}"
    whole = pd.concat(tables, ignore_index=True)
    whole.attrs["training_end"] = ends
    return whole


def drought_windows(table: pd.DataFrame, *, lookback: int = 180, weeks: int = 6, stride: int = 42) -> DroughtWindows:
    """Cut windows that end on a day with a score, followed by the scores of the next weeks.

    No window reaches across two sites, a missing day or a missing week. Ending on a score's day matters: the
    lines between the weekly scores then use no score that is not yet known.

    Parameters
    ----------
    table : DataFrame
        From `datasets.drought` or `datasets.read_droughted`, or part of one: "site", "date", "score" (weekly, NaN
        between) and columns of weather. "balance_90" and "percentile" are no inputs.
    lookback : int, default 180
        L, the days in an input.
    weeks : int, default 6
        h, the weekly scores to predict.
    stride : int, default 42
        Days from window to window, a multiple of 7. With 7 · `weeks` the targets tile the calendar.

    Returns
    -------
    DroughtWindows
        Site by site, in the order of time.

    Raises
    ------
    TypeError
        If `table` is not a DataFrame, holds something else than dates or numbers, or a count is not an integer.
    ValueError
        If a count is below 1, `stride` is not a multiple of 7, a column is missing, a feature is not
        finite, a score is not between 0 and 5, the days of a site are unsorted, twice there or not together, or no
        window fits.

    Examples
    --------
    >>> from rnncourse import datasets
    >>> windows = drought_windows(datasets.drought())
    >>> windows.inputs.shape, windows.targets.shape
    ((2696, 180, 21), (2696, 6))
    >>> print(windows.site[0], windows.target_date[0, :2])
    brussels ['1976-10-05' '1976-10-12']
    """
    lookback, weeks = whole_number("lookback", lookback), whole_number("weeks", weeks)
    if whole_number("stride", stride) % 7:
        raise ValueError(f"stride must be a multiple of 7 days, as scores are weekly, got {stride}")
    features = features_of("table", table)
    score, dates = table["score"].to_numpy(np.float64, na_value=np.nan), table["date"].to_numpy("datetime64[D]")
    weekly = np.flatnonzero(~np.isnan(score))
    # Weeks without a gap: a new series begins where one is missing, and with each run of consecutive days.
    run = np.cumsum(days_apart("table", table) != 1)[weekly]
    chains = np.split(weekly, np.flatnonzero((np.diff(weekly) != 7) | (np.diff(run) != 0)) + 1)
    first = -(-(lookback - 1) // 7)  # weeks that an input takes: its first day is not before its chain's first score
    ends = np.concatenate([chain[:-weeks][first :: stride // 7] for chain in chains])
    if not len(ends):
        raise ValueError(
            f"table has no {lookback} days in a row that are followed by {weeks} weekly scores;"
            f" the longest of its {len(chains)} unbroken series has {max(map(len, chains))} weekly scores"
        )
    angle = 2 * np.pi * table["date"].dt.day_of_year.to_numpy() / 366
    daily = np.interp(np.arange(len(score)), weekly, score[weekly])
    values = np.column_stack([features, daily, np.sin(angle), np.cos(angle)])
    inputs = np.moveaxis(sliding_window_view(values, lookback, axis=0), -1, 1)[ends - lookback + 1]
    ahead = ends[:, np.newaxis] + 7 * np.arange(1, weeks + 1)
    return DroughtWindows(inputs, score[ahead], table["site"].to_numpy(str)[ends], dates[ahead])


def climatological_ensemble(
    table: pd.DataFrame, windows: DroughtWindows, *, members_until: Mapping[str, Any]
) -> np.ndarray:
    """Return the scores that would follow each window if the days ahead were those of other years.

    A score ranks the water balance of 90 days. At a lead of k weeks 90 - 7k of these days are known when the window
    ends. To their sum each member adds what 7k days had that began on the same date in another year, or up to 10 days
    before or after it (for 29 February the 28th), and the sum is ranked as the score is. Nothing is trained.

    Parameters
    ----------
    table : DataFrame
        From `drought_table`, or whole sites of it: "site", "date", "balance" (mm per day) and "balance_90" (mm).
    windows : DroughtWindows, N windows
        From the same table. Beyond 12 weeks none of the 90 days is known.
    members_until : mapping of str to date
        The last day of each site that may lend, or be ranked against; ``table.attrs["training_end"]`` ranks as the
        score does. Later days have no influence, but those that a window knows.

    Returns
    -------
    ndarray, shape (N, weeks, members)
        Scores from 0 to 5. A member is the same stretch of days in all weeks; members are in the order of time, and
        blank (NaN) at the end where a site lends fewer than another. What begins within 180 days of a window's
        end lends it nothing: in a training year, the others do.

    Raises
    ------
    TypeError
        If an argument is of the wrong type, or a last day is no date.
    ValueError
        If a column is missing or not finite, days are missing, unsorted or twice there, a site of `windows` has no
        last day, a window does not lie in its site's days or ends less than 90 days after the first, or no year
        lends to it.

    Notes
    -----
    A day of the training years is ranked among these years, its own included, as its score is. Sums are rounded to
    a millionth of a millimetre before they are ranked, so that equal ones count as equal.

    References
    ----------
    Hydrologists call it ensemble streamflow prediction: Harrigan, Prudhomme, Parry, Smith and Tanguy, *Benchmarking
    ensemble streamflow prediction skill in the UK* (2018).

    Examples
    --------
    >>> from rnncourse import datasets
    >>> table = datasets.drought()
    >>> tunis = table[table["site"] == "tunis"].reset_index(drop=True)
    >>> windows = drought_windows(tunis)
    >>> members = climatological_ensemble(tunis, windows, members_until=table.attrs["training_end"])
    >>> members.shape
    (197, 6, 336)
    >>> print(members[-24].mean(axis=1).round(2))
    [1.54 0.76 0.87 1.03 0.84 0.79]
    >>> print(windows.targets[-24].round(2))
    [1.75 1.46 1.27 1.92 1.96 3.42]
    """
    import pandas as pd

    check_table("table", table, ("site", "date", "balance", "balance_90"))
    if not isinstance(windows, DroughtWindows):
        raise TypeError(f"windows must be DroughtWindows, got {type(windows).__name__}")
    _check_sites("members_until", members_until, "dates")
    # To a millionth of a millimetre, as the sums below: so equal ones count as equal.
    balance = finite_floats("table", table[["balance", "balance_90"]].round({"balance_90": 6}), ndim=(2,))
    place, weeks, found = _place(table["date"]), windows.target_date.shape[1], dict[Any, np.ndarray]()
    for site in np.unique(windows.site).tolist():
        here, mine = table["site"].to_numpy(str) == site, np.flatnonzero(windows.site == site)
        days, last = table["date"][here], str(_of_site("members_until", members_until, site))[:10]
        if pd.isna(until := pd.to_datetime(last, format="%Y-%m-%d", errors="coerce")):
            raise TypeError(f"members_until must hold dates such as 1994-12-31, got {last} for site {site!r}")
        ends = (pd.DatetimeIndex(windows.target_date[mine, 0]) - days.min()).days.to_numpy() - 7
        if not DAYS <= ends.min() <= ends.max() < len(days) - 7 * weeks or days.diff()[1:].ne(pd.Timedelta("1D")).any():
            raise ValueError(f"table must hold all days of {site!r}, those of windows and {DAYS} before the first ends")
        of_site = place[here], balance[here], int((days <= until).sum())
        for number, end in zip(mine, ends, strict=True):
            found[number] = _members(*of_site, end, weeks)
            if not found[number].size:
                raise ValueError(f"members_until must leave a window of {site!r} another year, got {last}")
    members = np.full((*windows.target_date.shape, max((each.shape[1] for each in found.values()), default=0)), np.nan)
    for number, each in found.items():
        members[number, :, : each.shape[1]] = each
    return members


def _days(date: Any) -> pd.DatetimeIndex:
    """Dates of any kind, each once; what a clock shows where they have a time zone."""
    import pandas as pd

    if np.ma.isMaskedArray(date) or np.asarray(date).dtype.kind not in "MOUT":
        raise TypeError(f"date must hold dates, got {type(date).__name__} of dtype {np.asarray(date).dtype}")
    stamps = date.to_timestamp() if isinstance(date, pd.PeriodIndex) else date
    try:
        days = pd.DatetimeIndex(pd.to_datetime(stamps, format="ISO8601")).normalize()
    except (TypeError, ValueError) as error:
        raise TypeError(f"date must hold dates: {error}") from error
    if days.hasnans or not days.is_unique:
        what = f"{days[days.duplicated()][0].date()} twice" if not days.hasnans else "a day without a date"
        raise ValueError(f"date must hold each day once, got {what}")
    return days


def _check_sites(name: str, given: Any, what: str) -> None:
    import pandas as pd

    if not isinstance(given, Mapping | pd.Series):
        raise TypeError(f"{name} must be a mapping of sites to {what}, got {type(given).__name__}")


def _of_site(name: str, given: Any, site: str) -> Any:
    """What a mapping of sites holds for one."""
    if site not in given:
        raise ValueError(f"{name} has no entry for site {site!r}")
    return given[site]


def _place(date: pd.Series) -> np.ndarray:
    """Return the day of the year as in a leap year, so that a date has the same place every year."""
    return np.asarray(date.dt.day_of_year + ((date.dt.month > 2) & ~date.dt.is_leap_year))


def _apart(places: np.ndarray, here: int, year: int = 366) -> np.ndarray:
    """Return how many days places in the year are from one, round the turn of the year where that is shorter."""
    apart = np.abs(places - here)
    return np.asarray(np.minimum(apart, year - apart))


def _percentiles(balance: np.ndarray, peers: np.ndarray) -> np.ndarray:
    """The shares of the peers' balances that are below; equal ones count half."""
    peers = np.sort(peers)
    below, up_to = np.searchsorted(peers, balance), np.searchsorted(peers, balance, side="right")
    return np.asarray((below + up_to) / (2 * len(peers)))


def _ranked(balance: np.ndarray, date: pd.Series, known: np.ndarray) -> np.ndarray:
    """The percentile of each day among the known ones."""
    place, percentile = _place(date), np.empty(len(balance))
    for here in np.unique(place):
        peers = known & (_apart(place, here) <= 7)
        if not peers.any():
            raise ValueError(f"training has no day within 7 days of {date[place == here].iloc[0].date()}")
        percentile[place == here] = _percentiles(balance[place == here], balance[peers])
    return percentile


def _scores(percentile: np.ndarray) -> np.ndarray:
    return np.asarray(np.interp(percentile, PERCENTILES, [5.0, 4.0, 3.0, 2.0, 1.0, 0.0]))


def _members(place: np.ndarray, balance: np.ndarray, lending: int, end: int, weeks: int) -> np.ndarray:
    """The members (weeks, members) of a window that ends on day `end` of a site, of which the first `lending` lend.

    Given of each day: its place in a leap year, its balance beside that of the 90 days up to it.
    """
    same = place - (place >= 60)  # places in a year of 365 days: 29 February is the 28th
    start = np.flatnonzero(_apart(same[: max(0, lending - 7 * weeks)], same[end], 365) <= 10)
    start = start[np.abs(start - end) > 180]
    ahead = balance[start[:, np.newaxis] + np.arange(1, 7 * weeks + 1), 0]
    scores = np.empty((weeks, len(start)))
    for days in range(7, 7 * weeks + 1, 7):
        sums = balance[end + 1 - DAYS + days : end + 1, 0].sum() + ahead[:, :days][:, -DAYS:].sum(axis=1)
        peers = _apart(place[:lending], here := place[end + days]) <= 7
        if not peers.any():
            raise ValueError(f"members_until leaves no day within 7 days of day {here} of the year")
        scores[days // 7 - 1] = _scores(_percentiles(sums.round(6), balance[:lending, 1][peers]))
    return scores


def _features(days: pd.DataFrame, latitude: float) -> pd.DataFrame:
    """The features of one site; NaN where a sum reaches back before the first day."""
    table = days.copy()
    table["tmean"] = (days["tmin"] + days["tmax"]) / 2
    table["trange"] = days["tmax"] - days["tmin"]
    table["es"] = (vapour_pressure(days["tmin"]) + vapour_pressure(days["tmax"])) / 2
    table["ea"] = vapour_pressure(days["tmin"])
    table["vpd"] = table["es"] - table["ea"]
    table["ra"], table["daylight"] = sun(latitude, days["date"].dt.day_of_year)
    table["balance"] = days["rain"] - days["et0"]
    for name, length in (("rain", 7), ("rain", 30), ("rain", DAYS), ("et0", 7), ("et0", 30), ("balance", DAYS)):
        table[f"{name}_{length}"] = _sums(table[name].to_numpy(np.float64), length)
    count = np.arange(len(days))
    last_wet = np.maximum.accumulate(np.where(days["rain"] >= 1, count, -1))
    table["dry_spell"] = (count - last_wet).astype(np.float64)
    return table


def _sums(values: np.ndarray, length: int) -> np.ndarray:
    """Sums of the last `length` days. Each afresh: a running sum would carry rounding errors on from day to day."""
    sums = sliding_window_view(values, length).sum(axis=-1)
    return np.concatenate([np.full(length - 1, np.nan), sums])
