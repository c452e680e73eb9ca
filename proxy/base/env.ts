import { HeddleError } from './errors.ts';

/** Environment variables as plain data. */
export type Environment = Readonly<Record<string, string | undefined>>;

export function requireText(env: Environment, name: string): string {
  const value = env[name];
  if (value === undefined || value === '') {
    throw new HeddleError('environment', `environment variable ${name} is not set`, { where: { name } });
  }
  return value;
}

export function optionalText(env: Environment, name: string, fallback: string): string {
  const value = env[name];
  return value === undefined || value === '' ? fallback : value;
}

/** An integer in [least, most]; anything else is an error that names the variable. */
export function optionalInteger(env: Environment, name: string, fallback: number, least: number, most: number): number {
  const text = env[name];
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (!/^-?\d+$/.test(text) || value < least || value > most) {
    throw new HeddleError('environment', `${name} is "${text}", but must be a whole number from ${least} to ${most}`, {
      where: { name },
    });
  }
  return value;
}
