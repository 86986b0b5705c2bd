// The page around the pages: navigation, palette, keys, theme, zone, and what
// it does when the program dies.
import assert from 'node:assert/strict'

import { serve } from './harness.mjs'

export default async function ({ page, url, server, axe, surroundings }) {
  // The token is gone from the address as soon as it was read.
  assert.doesNotMatch(page.url(), /k=/)
  await page.getByRole('heading', { name: 'shop', level: 1 }).waitFor()
  await page.getByText('What would have paged you').waitFor()
  await page.getByRole('link', { name: 'checkout_error_rate', exact: true }).waitFor()
  await axe('home')

  for (const scheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: scheme })
    for (const name of ['Sources', 'Plugins', 'Health', 'Home']) {
      await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name, exact: true }).click()
      await page.getByRole('heading', { name: name === 'Home' ? 'shop' : name, level: 1 }).waitFor()
      await page.locator('main .skeleton').first().waitFor({ state: 'detached' })
      await axe(`${name}, ${scheme}`)
    }
  }
  await page.emulateMedia({ colorScheme: 'light' })

  // By keyboard alone.
  await page.locator('body').press('g')
  await page.keyboard.press('s')
  await page.waitForURL(/\/sources$/)
  await page.keyboard.press('Control+k')
  await page.getByRole('combobox', { name: 'Go to or do' }).waitFor()
  await axe('palette')
  await page.keyboard.type('checkout fails')
  await page.keyboard.press('Enter')
  await page.waitForURL(/\/notebooks\/.*incident/)
  await page.goBack()
  await page.waitForURL(/\/sources$/)
  await page.keyboard.press('?')
  await page.getByRole('heading', { name: 'Keys' }).waitFor()
  await axe('keys')
  await page.keyboard.press('Escape')

  // The chosen zone is shown wherever a time is.
  await page.getByRole('button', { name: /Times in UTC/ }).click()
  await page.getByRole('button', { name: /Times in/ }).click()
  await page.getByRole('button', { name: /Times in UTC/ }).waitFor()

  // A source by the form: a test that fails says why, one that works what it found.
  await page.keyboard.press('a')
  const form = page.getByRole('dialog', { name: 'Add a source' })
  await form.getByRole('button', { name: 'Files on this machine' }).click()
  await form.getByLabel('File, folder or pattern').fill('nowhere/**')
  await form.getByRole('button', { name: 'Test', exact: true }).click()
  await form.getByText(/nothing there|no /i).first().waitFor()
  await form.getByLabel('File, folder or pattern').fill('data/logs/app/**')
  await form.getByLabel('Name', { exact: true }).fill('twice')
  await form.getByLabel('Into dataset').fill('again')
  await form.getByRole('button', { name: 'Test', exact: true }).click()
  await form.getByText('Reached.').waitFor()
  await axe('add a source')
  await form.getByRole('button', { name: 'Add', exact: true }).click()
  await page.getByRole('cell', { name: 'twice file' }).waitFor()

  // A dry run says what it would cost before it starts.
  await page.getByRole('row', { name: /twice/ }).getByRole('button', { name: 'Pull…' }).click()
  await page.getByText('To fetch').waitFor()
  await axe('pull')
  await page.locator('dialog').getByRole('button', { name: 'Pull', exact: true }).click()
  await page.getByRole('row', { name: /twice done/ }).waitFor({ timeout: 120_000 })
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Home', exact: true }).click()
  await page.getByRole('link', { name: 'again', exact: true }).waitFor()

  // Killed, the program is missed at once. Started again it is at the same
  // place, and the page goes on by itself.
  const workspace = (await page.locator('header .hint').filter({ hasText: '/' }).first().textContent()).trim()
  server.kill()
  await page.getByText('The program does not answer').waitFor()
  await axe('lost')
  const again = await serve(surroundings, workspace)
  try {
    assert.equal(again.url, url)
    await page.getByText('The program does not answer').waitFor({ state: 'detached' })
    await page.getByText(/records in 3 datasets/).waitFor()
  } finally {
    await again.stop()
  }
  // Ended and started, it has another token: its address begins anew.
  const port = new URL(url).port
  const third = await serve(surroundings, workspace, ['--addr', `127.0.0.1:${port}`])
  try {
    assert.notEqual(third.token, again.token)
    await page.getByText('The program was started anew').waitFor()
    await page.goto(third.url)
    await page.getByText(/records in 3 datasets/).waitFor()
  } finally {
    await third.stop()
  }
}
