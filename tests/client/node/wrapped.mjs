/** Wraps the platform's WebSocket as test libraries do, and lets everything through: a preload, `node --import ./wrapped.mjs`. */
import { WebSocketInterceptor } from "@mswjs/interceptors/WebSocket";

const interceptor = new WebSocketInterceptor();
interceptor.apply();
interceptor.on("connection", ({ server }) => server.connect());
