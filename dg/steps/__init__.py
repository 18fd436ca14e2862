"""What each pipeline step is told: a typed model of exactly the values it uses, and how params.yaml makes it.

`dg.steps.registry` lists the steps. Nothing here imports torch: every start of Snakemake comes by.
"""
