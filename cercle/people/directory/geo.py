"""Distances, and the projections that FINESS files use. Angles in degrees at the interface, metres inside."""

from math import asin, atan, atan2, cos, cosh, degrees, exp, hypot, log, pi, radians, sin, sinh, sqrt, tan

EARTH = 6371.0088  # km, mean radius
A, F = 6378137.0, 1 / 298.257222101  # GRS80
E2 = F * (2 - F)
E = sqrt(E2)


def distance_km(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Great circle (haversine)."""
    dlat, dlon = radians(lat2 - lat1), radians(lon2 - lon1)
    h = sin(dlat / 2) ** 2 + cos(radians(lat1)) * cos(radians(lat2)) * sin(dlon / 2) ** 2
    return 2 * EARTH * asin(min(1.0, sqrt(h)))


def box(lat: float, lon: float, km: float) -> tuple[float, float, float, float]:
    """South, north, west, east of the square that holds the circle."""
    dlat = degrees(km / EARTH)
    dlon = degrees(km / (EARTH * max(0.05, cos(radians(lat)))))
    return lat - dlat, lat + dlat, lon - dlon, lon + dlon


def _iso(phi: float) -> float:
    """Isometric latitude."""
    s = E * sin(phi)
    return log(tan(pi / 4 + phi / 2) * ((1 - s) / (1 + s)) ** (E / 2))


def _from_iso(value: float) -> float:
    phi = 2 * atan(exp(value)) - pi / 2
    for _step in range(12):
        s = E * sin(phi)
        phi = 2 * atan(((1 + s) / (1 - s)) ** (E / 2) * exp(value)) - pi / 2
    return phi


# IGN, Lambert-93: parallels 44° and 49°, origin 46°30' N 3° E, false origin 700 km, 6 600 km.
def _lambert93() -> tuple[float, float, float]:
    p1, p2, p0 = radians(44), radians(49), radians(46.5)
    n1, n2 = A / sqrt(1 - E2 * sin(p1) ** 2), A / sqrt(1 - E2 * sin(p2) ** 2)
    n = log(n2 * cos(p2) / (n1 * cos(p1))) / (_iso(p1) - _iso(p2))
    c = n1 * cos(p1) / n * exp(n * _iso(p1))
    return n, c, 6_600_000 + c * exp(-n * _iso(p0))


_N, _C, _YS = _lambert93()


def lambert93(x: float, y: float) -> tuple[float, float]:
    """Lambert-93 metres to (lat, lon); RGF93, which is WGS84 to within a metre."""
    dx, dy = x - 700_000, _YS - y
    r = hypot(dx, dy)
    return degrees(_from_iso(-log(r / _C) / _N)), 3 + degrees(atan2(dx, dy) / _N)


def utm(zone: int, x: float, y: float, *, south: bool = False) -> tuple[float, float]:
    """UTM metres to (lat, lon), Krüger's series to the third order (a few millimetres)."""
    n = F / (2 - F)
    radius = A / (1 + n) * (1 + n**2 / 4 + n**4 / 64)
    xi = (y - (10_000_000 if south else 0)) / (0.9996 * radius)
    eta = (x - 500_000) / (0.9996 * radius)
    beta = (n / 2 - 2 * n**2 / 3 + 37 * n**3 / 96, n**2 / 48 + n**3 / 15, 17 * n**3 / 480)
    xi_, eta_ = xi, eta
    for j, b in enumerate(beta, 1):
        xi_ -= b * sin(2 * j * xi) * cosh(2 * j * eta)
        eta_ -= b * cos(2 * j * xi) * sinh(2 * j * eta)
    chi = asin(sin(xi_) / cosh(eta_))
    delta = (2 * n - 2 * n**2 / 3 - 2 * n**3, 7 * n**2 / 3 - 8 * n**3 / 5, 56 * n**3 / 15)
    phi = chi + sum(d * sin(2 * j * chi) for j, d in enumerate(delta, 1))
    return degrees(phi), zone * 6 - 183 + degrees(atan2(sinh(eta_), cos(xi_)))


def project(x: float, y: float, *, department: str, projection: str = "") -> tuple[float, float] | None:
    """FINESS coordinates to (lat, lon): the projection named by the file, else the legal one of the department."""
    name = projection.upper()
    if "UTM_N20" in name or department in ("9A", "9B", "971", "972", "977", "978"):
        found = utm(20, x, y)
    elif "UTM_N22" in name or "UTM_N21" in name or department in ("9C", "973"):
        found = utm(21 if "UTM_N21" in name else 22, x, y)
    elif "UTM_S40" in name or department in ("9D", "974"):
        found = utm(40, x, y, south=True)
    elif "UTM_S38" in name or department in ("9F", "976"):
        found = utm(38, x, y, south=True)
    else:
        if not (0 < x < 1_300_000 and 6_000_000 < y < 7_200_000):
            return None
        found = lambert93(x, y)
    lat, lon = found
    return (round(lat, 6), round(lon, 6)) if -90 <= lat <= 90 and -180 <= lon <= 180 else None
