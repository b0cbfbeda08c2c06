import { expect, test, vi } from 'vitest';
import { userName } from '../../src/store/user-name.ts';

vi.mock('node:os', async (importActual) => ({
  ...(await importActual<typeof import('node:os')>()),
  userInfo: () => {
    throw new Error('uv_os_get_passwd returned ENOENT');
  },
}));

test('a user without a name, as in containers that run as any user, is named by number', () => {
  expect(userName()).toBe(String(process.getuid!()));
});
