import type { Hono } from 'hono'
export function dashboardRoutes(_app: Hono): void {}
