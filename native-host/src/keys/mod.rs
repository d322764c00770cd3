//! Private keys: sealed files, and the key-encryption key in the OS keyring.
