import type { EventOf, MemberEvent } from '#schemas'
import type { KeyValueStore, ProcessorSupplier } from '#streams'
import { ACCOUNTS_PER_MEMBER_MAX, DEVICES_PER_MEMBER_MAX } from '../shared/limits.ts'
import type { Activity } from '../shared/signals.ts'
import type { MemberProfile, MembersStoreSpec } from './stores.ts'

/** Keeps the profile of each member: registration, checks, contacts, accounts, devices. Forwards nothing. */
export function keepMembers(spec: MembersStoreSpec): ProcessorSupplier<string, Activity, never, never> {
  return {
    stores: [spec],
    get: () => {
      let members: KeyValueStore<string, MemberProfile>
      return {
        init: (context) => {
          members = context.store(spec)
        },
        process: ({ key, value, timestampMs }) => {
          if (!changesProfile(value.event_type)) return
          const before = members.get(key)
          const after = nextProfile(before, value, timestampMs)
          if (after !== undefined && after !== before) members.put(key, after)
        },
      }
    },
  }
}

function changesProfile(eventType: string): boolean {
  return eventType.startsWith('member.') || eventType.startsWith('account.')
}

/** The profile after an event; the same object if it changes nothing. Undefined for events about nobody known. */
export function nextProfile(
  profile: MemberProfile | undefined,
  event: Activity,
  timestampMs: number,
): MemberProfile | undefined {
  if (event.event_type === 'member.registered') return registered(profile, event, timestampMs)
  if (profile === undefined) return undefined
  const change = changeOf(profile, event, timestampMs)
  return change === undefined ? profile : { ...profile, ...change, updated_ms: timestampMs }
}

function registered(
  profile: MemberProfile | undefined,
  { data }: EventOf<'member.registered'>,
  timestampMs: number,
): MemberProfile {
  const registeredMs = Date.parse(data.registered_at)
  return {
    member_id: data.member_id,
    status: profile?.status ?? 'active',
    registered_ms: Number.isNaN(registeredMs) ? timestampMs : registeredMs,
    first_seen_ms: profile?.first_seen_ms ?? timestampMs,
    full_name: data.full_name ?? '',
    email: data.email,
    phone: data.phone,
    segment: data.segment ?? 'other',
    branch_id: data.branch_id ?? '',
    employer_id: data.employer_id ?? '',
    staff_id: data.staff_id ?? '',
    next_of_kin_phone: data.next_of_kin_phone ?? '',
    postal_address: data.postal_address ?? '',
    bank_account: data.bank_account ?? '',
    verified: profile?.verified ?? false,
    kyc_level: profile?.kyc_level ?? 0,
    kyc_rating: profile?.kyc_rating ?? '',
    politically_exposed: profile?.politically_exposed ?? false,
    sanctions_hit: profile?.sanctions_hit ?? false,
    accounts: profile?.accounts ?? [],
    devices: withDevice(profile?.devices ?? [], data.device_id, timestampMs),
    updated_ms: timestampMs,
  }
}

type Change = Partial<MemberProfile>

function changeOf(profile: MemberProfile, event: Activity, timestampMs: number): Change | undefined {
  switch (event.event_type) {
    case 'member.verified':
      return { verified: true }
    case 'member.kyc.approved':
      return {
        kyc_level: event.data.kyc_level,
        kyc_rating: event.data.risk_rating,
        politically_exposed: event.data.politically_exposed,
        sanctions_hit: event.data.sanctions_hit,
      }
    case 'member.status.changed':
      return { status: event.data.status_after }
    case 'member.contact.changed':
      return contactChange(event.data)
    case 'member.device.seen':
      return { devices: withDevice(profile.devices, event.data.device_id, timestampMs) }
    case 'account.opened':
      return { accounts: withAccount(profile, event, timestampMs) }
    case 'account.closed': {
      const closed = event.data.account_id as string
      const close = (account: MemberProfile['accounts'][number]) =>
        account.account_id === closed ? { ...account, closed_ms: timestampMs } : account
      return { accounts: profile.accounts.map(close) }
    }
    default:
      return undefined
  }
}

const FIELD_OF_CONTACT: Readonly<Record<string, keyof MemberProfile>> = {
  phone: 'phone',
  email: 'email',
  postal_address: 'postal_address',
  bank_account: 'bank_account',
  next_of_kin: 'next_of_kin_phone',
}

function contactChange(
  data: Extract<MemberEvent, { event_type: 'member.contact.changed' }>['data'],
): Change | undefined {
  const name = FIELD_OF_CONTACT[data.contact]
  return name === undefined ? undefined : { [name]: data.value_after }
}

function withAccount(profile: MemberProfile, { data }: EventOf<'account.opened'>, timestampMs: number) {
  const { account_id, product, currency } = data
  const known = profile.accounts.find((account) => account.account_id === account_id)
  if (known !== undefined || profile.accounts.length >= ACCOUNTS_PER_MEMBER_MAX) return profile.accounts
  return [...profile.accounts, { account_id, product, currency, opened_ms: timestampMs, closed_ms: null }]
}

function withDevice(devices: MemberProfile['devices'], deviceId: string | null, timestampMs: number) {
  if (deviceId === null) return devices
  const known = devices.find((device) => device.device_id === deviceId)
  const others = devices.filter((device) => device !== known)
  const seen = {
    device_id: deviceId,
    first_seen_ms: Math.min(known?.first_seen_ms ?? timestampMs, timestampMs),
    last_seen_ms: Math.max(known?.last_seen_ms ?? timestampMs, timestampMs),
  }
  return [...others.slice(-(DEVICES_PER_MEMBER_MAX - 1)), seen]
}
