/*
 * What libsodium takes at least: secretstream over chunks of 8192 bytes, as in the objects, and nothing else.
 *
 *   secretstream encrypt|decrypt HEXKEY FROM TO
 */
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#define PLAIN 8192
#define SEALED (PLAIN + crypto_secretstream_xchacha20poly1305_ABYTES)
#define BATCH 32
#define HEADER crypto_secretstream_xchacha20poly1305_HEADERBYTES

static unsigned char in[BATCH * SEALED], out[BATCH * SEALED];

/* Reads until `wanted` bytes are there or the file ends. */
static size_t fill(int fd, size_t wanted) {
  size_t have = 0;
  ssize_t got;
  while (have < wanted && (got = read(fd, in + have, wanted - have)) > 0) have += (size_t)got;
  return have;
}

int main(int argc, char **argv) {
  crypto_secretstream_xchacha20poly1305_state state;
  unsigned char key[32], header[HEADER], tag = 0;
  if (argc != 5 || sodium_init() < 0) return 2;
  if (sodium_hex2bin(key, sizeof key, argv[2], strlen(argv[2]), NULL, NULL, NULL) != 0) return 2;
  const int encrypt = strcmp(argv[1], "encrypt") == 0;
  const int from = open(argv[3], O_RDONLY);
  const int to = open(argv[4], O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (from < 0 || to < 0) return 2;
  if (encrypt) {
    crypto_secretstream_xchacha20poly1305_init_push(&state, header, key);
    if (write(to, header, HEADER) != HEADER) return 1;
  } else {
    if (read(from, header, HEADER) != HEADER) return 1;
    if (crypto_secretstream_xchacha20poly1305_init_pull(&state, header, key) != 0) return 1;
  }
  const size_t chunk = encrypt ? PLAIN : SEALED;
  for (;;) {
    const size_t have = fill(from, BATCH * chunk);
    const int last = have < BATCH * chunk;
    size_t done = 0, made = 0;
    while (done + chunk <= have || (last && done <= have && tag != 3)) {
      const size_t length = have - done < chunk ? have - done : chunk;
      if (encrypt) {
        tag = length < chunk ? crypto_secretstream_xchacha20poly1305_TAG_FINAL : 0;
        crypto_secretstream_xchacha20poly1305_push(&state, out + made, NULL, in + done, length, NULL, 0, tag);
        made += length + crypto_secretstream_xchacha20poly1305_ABYTES;
      } else {
        if (crypto_secretstream_xchacha20poly1305_pull(&state, out + made, NULL, &tag, in + done, length, NULL, 0) != 0)
          return 1;
        made += length - crypto_secretstream_xchacha20poly1305_ABYTES;
      }
      done += length;
    }
    if (write(to, out, made) != (ssize_t)made) return 1;
    if (last) return tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL ? 0 : 1;
  }
}
