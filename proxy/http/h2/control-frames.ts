import { DEFAULT_WINDOW, ERROR, errorName, FLAG, SETTING } from './codes.ts';
import { writePing, writeSettingsAck } from './frames.ts';
import type { PeerFaults } from './peer-faults.ts';
import type { SessionHost } from './session-host.ts';
import { checkSetting, readSettings } from './settings.ts';

/** Peers that announce no limit on streams get this one from us. */
const DEFAULT_PEER_STREAMS = 4_096;

/** SETTINGS, PING and GOAWAY of the peer: what speaks of the connection as a whole. */
export class ControlFrames {
  /** SETTINGS of the peer. */
  peerInitialWindow = DEFAULT_WINDOW;
  peerMaxStreams = DEFAULT_PEER_STREAMS;
  peerMaxHeaderList = Number.POSITIVE_INFINITY;
  settingsSeen = false;
  /** DATA frames that had been sent when the peer's last PING came. */
  #dataAtPing = 0;
  readonly #session: SessionHost;
  readonly #faults: PeerFaults;
  readonly #isServer: boolean;

  constructor(session: SessionHost, faults: PeerFaults) {
    this.#session = session;
    this.#faults = faults;
    this.#isServer = session.options.role === 'server';
  }

  /** 6.5 */
  settings(flags: number, id: number, buffer: Buffer, start: number, end: number): undefined {
    if (id !== 0) return this.#faults.fail(ERROR.protocol, 'SETTINGS on a stream');
    const size = end - start;
    if ((flags & FLAG.ack) !== 0) {
      if (size !== 0) this.#faults.fail(ERROR.frameSize, 'a SETTINGS acknowledgement with a payload');
      return;
    }
    if (size % 6 !== 0) return this.#faults.fail(ERROR.frameSize, 'SETTINGS whose length is not a multiple of 6');
    if (!this.#faults.countControl()) return;
    const settings = readSettings(buffer, start, end);
    for (const [name, value] of settings) {
      if (!this.#applySetting(name, value)) return;
    }
    writeSettingsAck(this.#session.sender.out);
    this.#session.sender.kick();
    if (this.settingsSeen) {
      this.#session.handler.onCapacity?.();
      return;
    }
    this.settingsSeen = true;
    this.#session.handler.onSettings(settings);
  }

  #applySetting(id: number, value: number): boolean {
    const fault = checkSetting(id, value, !this.#isServer);
    if (fault !== undefined) {
      this.#faults.fail(fault.code, fault.detail);
      return false;
    }
    if (id === SETTING.maxConcurrentStreams) this.peerMaxStreams = value;
    else if (id === SETTING.maxHeaderListSize) this.peerMaxHeaderList = value;
    else if (id === SETTING.headerTableSize) this.#session.sender.encoder.peerTableSize(value);
    else if (id === SETTING.initialWindowSize) return this.#initialWindow(value);
    return true;
  }

  /** 6.9.2: open streams change by the difference. */
  #initialWindow(value: number): boolean {
    const difference = value - this.peerInitialWindow;
    this.peerInitialWindow = value;
    for (const stream of this.#session.streams.all()) {
      if (stream.grant(difference)) continue;
      this.#faults.fail(ERROR.flowControl, 'a window above 2^31-1 by SETTINGS');
      return false;
    }
    return true;
  }

  /** 6.7 */
  ping(flags: number, id: number, buffer: Buffer, start: number, end: number): undefined {
    if (id !== 0) return this.#faults.fail(ERROR.protocol, 'PING on a stream');
    if (end - start !== 8) return this.#faults.fail(ERROR.frameSize, 'PING that is not 8 bytes long');
    if (!this.#mayPing()) return;
    if ((flags & FLAG.ack) !== 0) {
      this.#session.pingAnswered(buffer, start);
      return;
    }
    writePing(this.#session.sender.out, true, buffer, start);
    this.#session.sender.kick();
  }

  /** gRPC clients measure the path with one PING for the DATA that they got, thousands a second: those are paid for. Others are counted. */
  #mayPing(): boolean {
    const { dataFrames } = this.#session.sender;
    const paid = dataFrames > this.#dataAtPing;
    this.#dataAtPing = dataFrames;
    return paid ? this.#faults.reads() : this.#faults.countControl();
  }

  /** 6.8 */
  goaway(id: number, buffer: Buffer, start: number, end: number): undefined {
    if (id !== 0) return this.#faults.fail(ERROR.protocol, 'GOAWAY on a stream');
    if (end - start < 8) return this.#faults.fail(ERROR.frameSize, 'GOAWAY shorter than 8 bytes');
    if (!this.#faults.countControl()) return;
    const lastStreamId = buffer.readUInt32BE(start) & 0x7fffffff;
    const code = buffer.readUInt32BE(start + 4);
    const debug = buffer.toString('latin1', start + 8, Math.min(end, start + 8 + 1_024));
    const text = `${this.#session.options.peer} is going away (${errorName(code)})`;
    this.#session.handler.onGoaway({ lastStreamId, code, debug });
    if (!this.#session.lingering) this.#session.peerGoesAway(lastStreamId, text);
  }
}
