import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ipKey, splitAddress } from '../../src/records/address.ts';

test('a key is the 32 hex digits of the IPv6 form', () => {
  fc.assert(
    fc.property(fc.ipV4(), (address) => {
      const hex = address.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
      expect(ipKey(address)).toBe(`00000000000000000000ffff${hex.join('')}`);
      expect(ipKey(`::ffff:${address}`)).toBe(ipKey(address));
    }),
  );
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 }), (groups) => {
      const text = groups.map((group) => group.toString(16)).join(':');
      expect(ipKey(text)).toBe(groups.map((group) => group.toString(16).padStart(4, '0')).join(''));
    }),
  );
});

test('a CIDR block is a range of keys', () => {
  const low = ipKey('10.1.0.0') as string;
  const high = ipKey('10.1.255.255') as string;
  for (const address of ['10.1.0.0', '10.1.77.3', '10.1.255.255']) {
    expect((ipKey(address) as string) >= low && (ipKey(address) as string) <= high).toBe(true);
  }
  for (const address of ['10.0.255.255', '10.2.0.0', '2001:db8::1']) {
    expect((ipKey(address) as string) >= low && (ipKey(address) as string) <= high).toBe(false);
  }
});

test('what is no address has no key', () => {
  for (const text of [
    '',
    'host',
    '256.1.1.1',
    '1.2.3',
    '1.2.3.4.5',
    '0x7f.0.0.1',
    '2130706433',
    ':',
    '::1::',
    '[::1',
    '1.2.3.4:',
    'g::1',
  ]) {
    expect(ipKey(text)).toBeNull();
  }
});

test('address and port are split at the last colon', () => {
  expect(splitAddress('172.23.77.80:40374')).toEqual({ ip: '172.23.77.80', port: 40374 });
  expect(splitAddress('::1:52774')).toEqual({ ip: '::1', port: 52774 });
  expect(splitAddress('[2001:db8::7]:443')).toEqual({ ip: '2001:db8::7', port: 443 });
  expect(splitAddress('[::1]')).toEqual({ ip: '::1', port: null });
  expect(splitAddress('10.0.0.1')).toEqual({ ip: '10.0.0.1', port: null });
  expect(splitAddress('10.0.0.1:99999')).toEqual({ ip: '10.0.0.1:99999', port: null });
  expect(splitAddress('host.example.com:80')).toEqual({ ip: 'host.example.com', port: 80 });
  for (const address of ['::1', '2001:db8::1', '1:2:3:4:5:6:7:8'])
    expect(splitAddress(address)).toEqual({ ip: address, port: null });
  expect(splitAddress('')).toEqual({ ip: null, port: null });
});
