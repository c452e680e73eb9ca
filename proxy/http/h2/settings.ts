import { ERROR, MAX_FRAME, MAX_WINDOW, SETTING } from './codes.ts';

/** Reads the payload of a SETTINGS frame; a later value of the same setting wins (RFC 9113 6.5.3). Its length must be a multiple of 6. */
export function readSettings(buffer: Buffer, start: number, end: number): Map<number, number> {
  const settings = new Map<number, number>();
  for (let at = start; at < end; at += 6) settings.set(buffer.readUInt16BE(at), buffer.readUInt32BE(at + 2));
  return settings;
}

export interface SettingFault {
  readonly code: number;
  readonly detail: string;
}

/** RFC 9113 6.5.2: values that are connection errors. `fromServer`: who sent it. Unknown settings are fine. */
export function checkSetting(id: number, value: number, fromServer: boolean): SettingFault | undefined {
  if (id === SETTING.enablePush && value > (fromServer ? 0 : 1)) {
    return { code: ERROR.protocol, detail: `SETTINGS_ENABLE_PUSH is ${value}` };
  }
  if (id === SETTING.initialWindowSize && value > MAX_WINDOW) {
    return { code: ERROR.flowControl, detail: `SETTINGS_INITIAL_WINDOW_SIZE is ${value}, above 2^31-1` };
  }
  if (id === SETTING.maxFrameSize && (value < MAX_FRAME || value > 16_777_215)) {
    return { code: ERROR.protocol, detail: `SETTINGS_MAX_FRAME_SIZE is ${value}, not in 16384..16777215` };
  }
  return undefined;
}
