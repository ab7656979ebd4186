import type { Header } from '#streams'

/** Our own journals come back with the topic of accounting events: known by this header, and not even decoded. */
export const OWN_HEADER: Header = { key: 'mto.origin', value: new TextEncoder().encode('ledger') }
