package com.mindspore.serving;

/** Where and how a server listens. Methods answer with this object. Not thread-safe. */
public final class ListenOptions {
  final String address;
  long maxMessageBytes = 100L << 20;
  String certificate;
  String privateKey;
  String clientCa;

  /**
   * Without TLS, for messages of up to 100 MiB.
   *
   * @param address "HOST:PORT", "[V6]:PORT" or "unix:PATH"; port 0 takes a free one
   */
  public ListenOptions(String address) {
    this.address = address;
  }

  /**
   * The largest message.
   *
   * @param bytes of one request or answer, more than 0
   * @return this object
   */
  public ListenOptions maxMessageBytes(long bytes) {
    maxMessageBytes = bytes;
    return this;
  }

  /**
   * Uses TLS. The arguments are PEM texts, not names of files.
   *
   * @param certificate the server's certificate, with the chain that clients need
   * @param privateKey its key
   * @return this object
   */
  public ListenOptions tls(String certificate, String privateKey) {
    this.certificate = certificate;
    this.privateKey = privateKey;
    return this;
  }

  /**
   * Demands certificates of clients.
   *
   * @param authority a PEM text: the one authority that may have signed them; null for no demand
   * @return this object
   */
  public ListenOptions clientCa(String authority) {
    clientCa = authority;
    return this;
  }
}
