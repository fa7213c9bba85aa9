import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { pagePort } from '../../../scripts/demo/page-port.ts'

describe('demo', () => {
  it('takes another port for its page when the usual one is in use', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const { port } = holder.address() as AddressInfo
    assert.equal(await pagePort(port), 0)
    holder.close()
    await once(holder, 'close')
    assert.equal(await pagePort(port), port)
    assert.equal(await pagePort(port), port, 'it was only looked at')
  })
})
