"""Where stations stand, and how far apart.  Pure: reads no file."""

import math
from dataclasses import dataclass
from typing import Final

EARTH_RADIUS_KM: Final = 6371.0  # mean; the ellipsoid changes distances by less than 0.6 %


@dataclass(frozen=True, slots=True, kw_only=True)
class Coordinates:
    """
    Geographic position, in degrees.

    Raises
    ------
    ValueError
        The latitude is outside -90 to 90, the longitude outside -180 to 360, or one is not a number.
    """

    latitude_deg: float
    longitude_deg: float

    def __post_init__(self) -> None:
        if not (-90 <= self.latitude_deg <= 90 and -180 <= self.longitude_deg <= 360):
            raise ValueError(f"{self.latitude_deg}, {self.longitude_deg} is no place on Earth")


def distance_deg(a: Coordinates, b: Coordinates) -> float:
    """Great-circle distance on a sphere in degrees, by the haversine formula: exact for near points too."""
    phi_a, phi_b = math.radians(a.latitude_deg), math.radians(b.latitude_deg)
    half_lambda = math.radians(b.longitude_deg - a.longitude_deg) / 2
    h = math.sin((phi_b - phi_a) / 2) ** 2 + math.cos(phi_a) * math.cos(phi_b) * math.sin(half_lambda) ** 2
    return math.degrees(2 * math.asin(math.sqrt(min(1.0, h))))


def distance_km(a: Coordinates, b: Coordinates) -> float:
    """Great-circle distance on a sphere in km."""
    return math.radians(distance_deg(a, b)) * EARTH_RADIUS_KM
