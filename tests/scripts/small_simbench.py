"""
A grid in SimBench's format, small enough to know every number of it.

    transformer ─ bus 4 ─ 100 m ─ bus 1 ─ 50 m ─ bus 2          bus 1: two loads
                    └──── 20 m ─ bus 3                          bus 2: load, battery
                                                                bus 3: load, plant of 40 kW
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

SUMMER_TIME = datetime(2016, 3, 27, 1, tzinfo=UTC)
FIRST_ROW = datetime(2015, 12, 31, 23, tzinfo=UTC)
DAYS = 89

TABLES = {
    "Load": """\
id;node;profile;pLoad;qLoad;sR;subnet;voltLvl
Load 1;LV9.101 Bus 1;H0-A;0.002;0.001;0.0022;LV9.101;7
Load 2;LV9.101 Bus 1;L1-A;0.004;0.001;0.0042;LV9.101;7
Load 3;LV9.101 Bus 2;H0-A;0.003;0.001;0.0032;LV9.101;7
Load 4;LV9.101 Bus 3;H0-A;0.001;0.001;0.0012;LV9.101;7
Load 5;LV9.102 Bus 1;H0-A;0.001;0.001;0.0012;LV9.102;7
Load 6;MV9.101 Bus 1;H0-A;0.001;0.001;0.0012;MV9.101;5
""",
    "RES": """\
id;node;type;profile;calc_type;pRES;qRES;sR;subnet;voltLvl
SGen 1;LV9.101 Bus 3;PV;PV5;pq;0.04;0;0.04;LV9.101;7
""",
    "Storage": """\
id;node;type;profile;pStor;qStor;chargeLevel;sR;eStore;etaStore;sdStore;pMin;pMax;subnet;voltLvl
Storage 1;LV9.101 Bus 2;PV_Storage;S;-0.01;0;0.25;0.01;0.05;0.95;0.13;-0.01;0;LV9.101;7
""",
    "Line": """\
id;nodeA;nodeB;type;length;loadingMax;subnet;voltLvl
Line 1;LV9.101 Bus 4_1;LV9.101 Bus 1_1;thick;0.1;100;LV9.101;7
Line 2;LV9.101 Bus 1_2;LV9.101 Bus 2;thick;0.05;100;LV9.101;7
Line 3;LV9.101 Bus 3;LV9.101 Bus 4;thin;0.02;50;LV9.101;7
""",
    "LineType": """\
id;r;x;b;iMax;type
thick;0.2;0.08;260;270;cable
thin;0.2;0.08;260;50;cable
""",
    "Switch": """\
id;nodeA;nodeB;type;cond;substation;subnet;voltLvl
Switch 1;LV9.101 Bus 4;LV9.101 Bus 4_1;LS;1;NULL;LV9.101;7
Switch 2;LV9.101 Bus 1;LV9.101 Bus 1_1;LS;1;NULL;LV9.101;7
Switch 3;LV9.101 Bus 1;LV9.101 Bus 1_2;LS;1;NULL;LV9.101;7
Switch 4;LV9.101 Bus 4;LV9.101 Bus 4_2;CB;1;NULL;LV9.101;7
Switch 5;LV9.101 Bus 2;LV9.101 Bus 3;LS;0;NULL;LV9.101;7
""",
    "Transformer": """\
id;nodeHV;nodeLV;type;tappos;loadingMax;subnet;voltLvl
Trafo 1;MV9.101 Bus 1;LV9.101 Bus 4_2;small;0;100;LV9.101;6
""",
    "TransformerType": """\
id;sR;vmHV;vmLV
small;0.16;20;0.4
""",
}


def write_small_simbench(networks: Path) -> Path:
    """Write the data set of SimBench's scenario 1 and return the folder of networks."""
    folder = networks / "1-complete_data-mixed-all-1-sw"
    folder.mkdir(parents=True)
    for name, content in TABLES.items():
        (folder / f"{name}.csv").write_text(content)
    labels = [label_of(row) for row in range(DAYS * 96)]
    loads = [f"{label};0.5;{load(row)};{row % 10}" for row, label in enumerate(labels)]
    (folder / "LoadProfile.csv").write_text(
        "\n".join(["time;H0-A_qload;H0-A_pload;L1-A_pload", *loads, ""])
    )
    plants = [f"{label};{row % 4 / 4}" for row, label in enumerate(labels)]
    (folder / "RESProfile.csv").write_text("\n".join(["time;PV5", *plants, ""]))
    return networks


def load(row: int) -> float:
    """Return the per-unit profile H0-A of a row."""
    return row % 96 / 100


def label_of(row: int) -> str:
    """Return a row's label, in the local time of Germany."""
    moment = FIRST_ROW + row * timedelta(minutes=15)
    local = moment + timedelta(hours=2 if moment >= SUMMER_TIME else 1)
    return f"{local:%d.%m.%Y %H:%M}"
