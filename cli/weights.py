"""`recon weights`: a library of trained materials."""

import json
from pathlib import Path

import click

from recon.cli.completion import weights_names
from recon.core.errors import ReconError


@click.command()
@click.argument("action", type=click.Choice(["list", "show", "get"]))
@click.argument("name", required=False, shell_complete=weights_names)
@click.option(
    "--from",
    "place",
    metavar="PLACE",
    help="A folder of weights, or an index file (JSON): its path or its address.",
)
@click.option("--out", type=click.Path(path_type=Path), help="With get: the file to write.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print cards as JSON; the output is an index for --from.",
)
def command(
    action: str, name: str | None, place: str | None, out: Path | None, as_json: bool
) -> None:
    """List trained weights, show a card, or copy weights to a file.

    Without --from, the command uses the bundled weights. A card states the material, the source of
    the micrographs, their statistics, the licence of the weights and the verdict on volumes.
    `recon train` writes it beside the weights, with the suffix .card.json.

    \b
    recon weights list
    recon weights show porous
    recon weights get porous --out porous.safetensors
    recon weights list --from FOLDER --json > FOLDER/index.json
    """
    from recon.workflow.library.library import fetch, find_card, list_weights

    if (action == "list") != (name is None):
        rule = "takes no NAME" if action == "list" else "needs a NAME"
        raise ReconError(f"recon weights {action} {rule}; `recon weights list` lists all")
    if out is not None and action != "get":
        raise ReconError(f"out= goes with get, got {action}")
    cards = list_weights(place) if name is None else [find_card(name, place)]
    if action == "get":
        target = out or Path(f"{cards[0].name}.safetensors")
        fetch(cards[0], place, target)
        click.echo(f"{target}: {cards[0].material or cards[0].name}")
    elif as_json:
        click.echo(json.dumps(_relative([card.to_table() for card in cards], place), indent=2))
    elif action == "show":
        click.echo("\n".join(cards[0].to_lines()))
    else:
        for card in cards:
            phases = ", ".join(card.phases)
            click.echo("\t".join([card.name, phases, card.material, card.licence, card.verdict]))


def _relative(tables: list[dict[str, object]], place: str | None) -> list[dict[str, object]]:
    """Files of a folder by their names alone: the index is to stand beside them."""
    if place is not None and Path(place).is_dir():
        return [{**table, "file": Path(str(table["file"])).name} for table in tables]
    return tables
