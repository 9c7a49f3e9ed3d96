import { describe, expect, test } from 'vitest';
import { keyReading, verdictReading } from '../src/readings.ts';

describe('a validator that answers by its status', () => {
  const reading = verdictReading({ kind: 'status', rejected: [1, 3] });

  test('accepts with 0, and rejects with what the input says alone', () => {
    expect(reading.ofProcess(0, '')).toEqual({ answer: true });
    expect(reading.ofProcess(1, '')).toEqual({ answer: false });
    expect(reading.ofProcess(3, '')).toEqual({ answer: false });
  });

  test.each([2, 4, 70, 126, 127, 134, 139, 255])(
    'gives no answer when it crashed or could not be started: %i is no rejection',
    (status) => {
      expect(reading.ofProcess(status, '')).toEqual({ wrong: expect.stringContaining(`${status}`) });
    },
  );

  test('gives no answer with 1 where that is not among the statuses of a rejection', () => {
    expect(verdictReading({ kind: 'status', rejected: [2] }).ofProcess(1, '')).not.toHaveProperty('answer');
  });
});

describe('a validator that answers by its output', () => {
  const reading = verdictReading({ kind: 'output', accepted: 'valid', rejected: 'invalid' });

  test('gives the answer that it prints, whatever its status', () => {
    expect(reading.ofProcess(0, 'valid\n')).toEqual({ answer: true });
    expect(reading.ofProcess(1, ' invalid\r\n')).toEqual({ answer: false });
  });

  test.each(['', 'valid until tomorrow', 'Valid', 'invalid\nvalid', 'Segmentation fault'])(
    'gives no answer with %j',
    (printed) => {
      expect(reading.ofProcess(0, printed)).not.toHaveProperty('answer');
    },
  );
});

describe('a validator that answers line by line', () => {
  const reading = verdictReading({ kind: 'json-lines' });

  test('gives the field "valid", where it is a boolean', () => {
    expect(reading.ofLine({ valid: true, more: 1 })).toEqual({ answer: true });
    expect(reading.ofLine({ valid: false })).toEqual({ answer: false });
    for (const line of [{ valid: 'true' }, { valid: 1 }, {}, [true], true, null]) {
      expect(reading.ofLine(line)).not.toHaveProperty('answer');
    }
  });
});

describe('a generator', () => {
  test('gives all that it prints but one line end, when its status is 0', () => {
    expect(keyReading.ofProcess(0, 'ABCD-1234\n')).toEqual({ answer: 'ABCD-1234' });
    expect(keyReading.ofProcess(0, 'ABCD-1234\r\n')).toEqual({ answer: 'ABCD-1234' });
    expect(keyReading.ofProcess(0, ' two\nlines\n\n')).toEqual({ answer: ' two\nlines\n' });
  });

  test.each([1, 2, 139])('gives no key when it ends with %i, whatever it printed', (status) => {
    expect(keyReading.ofProcess(status, 'ABCD-1234\n')).not.toHaveProperty('answer');
  });

  test('gives the field "key" of a line, where it is a text', () => {
    expect(keyReading.ofLine({ key: 'ABCD' })).toEqual({ answer: 'ABCD' });
    for (const line of [{ key: 1 }, {}, ['ABCD'], 'ABCD', null]) {
      expect(keyReading.ofLine(line)).not.toHaveProperty('answer');
    }
  });
});
