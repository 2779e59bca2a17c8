"""Files that SOPS encrypted with age: recognised without a key, decrypted in memory with one."""
