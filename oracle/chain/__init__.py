"""The one package that knows web3: artifacts, contracts, chains, clock."""
