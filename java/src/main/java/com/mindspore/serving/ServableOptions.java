package com.mindspore.serving;

import com.mindspore.MirinException;

/**
 * One servable: DIRECTORY/NAME with a servable_config.py, or with folders VERSION/ that hold one
 * .mindir file each. Methods answer with this object.
 *
 * <p>Not thread-safe; may be changed once {@link Server#add} has returned.
 */
public final class ServableOptions {
  final String directory;
  final String name;
  long version;
  int[] deviceIds = {};
  String deviceType;
  int workers;
  byte[] key;
  Cipher cipher = Cipher.AUTO;

  /** A way in which model files are encrypted, in the order of mirin_cipher. */
  public enum Cipher {
    /** Whatever the file says. */
    AUTO,
    /** AES in Galois/counter mode. */
    AES_GCM,
    /** AES in cipher block chaining mode. */
    AES_CBC,
    /** SM4 in cipher block chaining mode. */
    SM4_CBC
  }

  /**
   * A servable's newest version, on whatever devices there are.
   *
   * @param directory the servable directory
   * @param name the servable's folder in it
   */
  public ServableOptions(String directory, String name) {
    this.directory = directory;
    this.name = name;
  }

  /**
   * Which version.
   *
   * @param version its number; 0 for the newest
   * @return this object
   * @throws MirinException INVALID_ARGUMENT for a negative number
   */
  public ServableOptions version(long version) {
    if (version < 0) {
      throw MirinException.invalid("version " + version + " is negative");
    }
    this.version = version;
    return this;
  }

  /**
   * A replica on each of these devices.
   *
   * @param ids their numbers; none for one replica
   * @return this object
   * @throws MirinException INVALID_ARGUMENT for null
   */
  public ServableOptions devices(int... ids) {
    if (ids == null) {
      throw MirinException.invalid("the device ids are null");
    }
    deviceIds = ids.clone();
    return this;
  }

  /**
   * The kind of the devices.
   *
   * @param type "CPU", "GPU" or "Ascend", in any case; null for whatever there is
   * @return this object
   */
  public ServableOptions deviceType(String type) {
    deviceType = type;
    return this;
  }

  /**
   * Python processes for stages in Python.
   *
   * @param count their number; 0 for one a replica
   * @return this object
   */
  public ServableOptions workers(int count) {
    workers = count;
    return this;
  }

  /**
   * The key of encrypted models. The array is kept, not copied: {@link Server#add} reads it, and
   * then it may be overwritten.
   *
   * @param key 16, 24 or 32 bytes
   * @param cipher the cipher to insist on
   * @return this object
   * @throws MirinException INVALID_ARGUMENT for null
   */
  public ServableOptions key(byte[] key, Cipher cipher) {
    if (key == null || cipher == null) {
      throw MirinException.invalid("the key or its cipher is null");
    }
    this.key = key;
    this.cipher = cipher;
    return this;
  }
}
