"""What an export cannot prove and an audit has to believe, by kind, and why that is so."""

ORDER_SIGNATURES = "orders' signatures"
READING_SIGNATURES = "readings' signatures"
STORAGE_SIGNATURES = "storage readings' signatures"
WALLET_SIGNATURES = "contract wallets' signatures"
SEALS = "seals of revealed orders"
SKIPPED_ORDERS = "reasons of skipped orders"

WHY = {
    ORDER_SIGNATURES: "calldata not to be seen",
    READING_SIGNATURES: "calldata not to be seen",
    STORAGE_SIGNATURES: "calldata not to be seen",
    WALLET_SIGNATURES: "only the wallet itself can tell",
    SEALS: "calldata not to be seen",
    SKIPPED_ORDERS: "calldata not to be seen",
}
