/** The few functions of `sodium-native` that are used here; the package brings no types. Each throws where libsodium fails. */
declare module 'sodium-native' {
  const sodium: {
    readonly crypto_secretstream_xchacha20poly1305_STATEBYTES: number;
    crypto_secretstream_xchacha20poly1305_init_push(state: Uint8Array, header: Uint8Array, key: Uint8Array): void;
    /** `sealed` is 17 bytes longer than `plain`. */
    crypto_secretstream_xchacha20poly1305_push(
      state: Uint8Array,
      sealed: Uint8Array,
      plain: Uint8Array,
      additionalData: null,
      tag: number,
    ): number;
    crypto_secretstream_xchacha20poly1305_init_pull(state: Uint8Array, header: Uint8Array, key: Uint8Array): void;
    /** `plain` is 17 bytes shorter than `sealed`; the first byte of `tag` becomes the tag. */
    crypto_secretstream_xchacha20poly1305_pull(
      state: Uint8Array,
      plain: Uint8Array,
      tag: Uint8Array,
      sealed: Uint8Array,
      additionalData: null,
    ): number;
    crypto_generichash(output: Uint8Array, input: Uint8Array): void;
    readonly crypto_scalarmult_ed25519_BYTES: number;
    /** `point` becomes the base point times the scalar, 32 bytes, as it stands. */
    crypto_scalarmult_ed25519_base_noclamp(point: Uint8Array, scalar: Uint8Array): void;
    sodium_memzero(bytes: Uint8Array): void;
  };
  export default sodium;
}
