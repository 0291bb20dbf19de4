//! `time.sleep`, `after`, `timer`, `ticker`: what waits, or delivers later.

use std::rc::Rc;

use luau::Accepts;
use value::{Failure, Kind};

use crate::channel::{Channel, Source};
use crate::declaration::{Doc, Type};
use crate::function::{Function, Outcome, declare};
use crate::module::channel::may_wait;
use crate::object::Object;
use crate::question::Question;
use crate::scene::Scene;
use crate::timer::{Guard, Timer, Use};

use super::duration;

pub(crate) static TIMER: Type = Type {
    name: "timer",
    text: "A timer that fires once; `time.timer` makes it.",
    methods: &[
        declare::<TimerResponse>(),
        declare::<TimerChannel>(),
        declare::<TimerStop>(),
        declare::<TimerReset>(),
    ],
};

pub(crate) static TICKER: Type = Type {
    name: "ticker",
    text: "A timer that fires again and again; `time.ticker` makes it. Ticks coalesce: never more than one waits.",
    methods: &[declare::<TickerResponse>(), declare::<TickerChannel>(), declare::<TickerStop>()],
};

/// A duration that must be more than zero, in nanoseconds.
fn positive(question: &mut Question<'_>, index: usize) -> Result<u64, Failure> {
    let nanoseconds = duration::argument(question, index, "duration")?;
    match u64::try_from(nanoseconds) {
        Ok(positive) if positive > 0 => Ok(positive),
        _ => Err(Failure::invalid("`duration` must be more than zero")),
    }
}

/// A channel that the timer of a new token delivers into.
fn timer_channel(scene: &mut Scene<'_>) -> Result<(u64, Rc<Channel>), Failure> {
    let state = scene.state_mut()?;
    let token = state.timers.new_token();
    let guard = Guard::new(token, state.timers.abandoned.clone());
    Ok((token, state.new_channel(Source::Timer(guard), 1)))
}

fn start(
    scene: &mut Scene<'_>,
    token: u64,
    channel: &Rc<Channel>,
    after_ns: u64,
    period_ns: Option<u64>,
) -> Result<(), Failure> {
    let weak = Rc::downgrade(channel);
    let what = match period_ns {
        None => Use::Once(weak),
        Some(period_ns) => {
            let due_ns = scene.world.now_ns().saturating_add(after_ns);
            Use::Tick { channel: weak, period_ns, due_ns }
        }
    };
    scene.world.start_timer(token, after_ns, what)
}

pub(super) struct Sleep;

impl Function for Sleep {
    const DOC: Doc = Doc {
        name: "time.sleep",
        signature: "(duration: number | string | duration) -> (nil, error?)",
        text: "Waits; other coroutines of the process run meanwhile. Zero or less lets them run once. The clock \
               of timers has steps of 1 ms; a sleep is never shorter than asked for.",
        permissions: &[],
        errors: &[
            (Kind::Invalid, "not a duration, or called where it cannot wait"),
            (Kind::RateLimited, "too many timers"),
        ],
        example: "local time = require(\"time\")\nlocal _, err = time.sleep(\"1ms\")\nassert(err == nil)\ntime.sleep(0)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];
    type Asks = ();
    type Payload = i64;

    fn ask(question: &mut Question<'_>) -> Result<((), i64), Failure> {
        may_wait(question.yieldable)?;
        Ok(((), duration::argument(question, 0, "duration")?))
    }

    fn run(scene: &mut Scene<'_>, (): (), nanoseconds: i64) -> Result<Outcome, Failure> {
        let after_ns = match u64::try_from(nanoseconds) {
            Ok(after_ns) if after_ns > 0 => after_ns,
            _ => return Ok(Outcome::Pass),
        };
        let strand = scene.strand;
        let token = scene.state_mut()?.timers.new_token();
        scene.state_mut()?.waits.on_sleep(strand, token)?;
        if let Err(failure) = scene.world.start_timer(token, after_ns, Use::Sleep) {
            scene.state_mut()?.waits.forget_sleep(token);
            return Err(failure);
        }
        Ok(Outcome::Wait)
    }
}

pub(super) struct After;

impl Function for After {
    const DOC: Doc = Doc {
        name: "time.after",
        signature: "(duration: number | string | duration) -> (channel?, error?)",
        text: "A channel that delivers the time once, when the duration is over. Made for a select's timeout; \
               when nobody can receive from it any more it is cancelled.",
        permissions: &[],
        errors: &[
            (Kind::Invalid, "not a duration, or not more than zero"),
            (Kind::RateLimited, "too many timers"),
        ],
        example: "local time = require(\"time\")\nlocal timeout = time.after(\"2ms\")\n\
                  local got = channel.select{process.inbox():case_receive(), timeout:case_receive()}\n\
                  assert(got.channel == timeout)",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];
    type Asks = ();
    type Payload = u64;

    fn ask(question: &mut Question<'_>) -> Result<((), u64), Failure> {
        Ok(((), positive(question, 0)?))
    }

    fn run(scene: &mut Scene<'_>, (): (), after_ns: u64) -> Result<Outcome, Failure> {
        let (token, channel) = timer_channel(scene)?;
        start(scene, token, &channel, after_ns, None)?;
        Ok(Outcome::object(Object::Channel(channel)))
    }
}

pub(super) struct NewTimer;

impl Function for NewTimer {
    const DOC: Doc = Doc {
        name: "time.timer",
        signature: "(duration: number | string | duration) -> (timer?, error?)",
        text: "A timer that fires once and can be stopped and reset.",
        permissions: &[],
        errors: &[
            (Kind::Invalid, "not a duration, or not more than zero"),
            (Kind::RateLimited, "too many timers"),
        ],
        example: "local time = require(\"time\")\nlocal timer = time.timer(\"1h\")\nassert(timer:stop())",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];
    type Asks = ();
    type Payload = u64;

    fn ask(question: &mut Question<'_>) -> Result<((), u64), Failure> {
        Ok(((), positive(question, 0)?))
    }

    fn run(scene: &mut Scene<'_>, (): (), after_ns: u64) -> Result<Outcome, Failure> {
        let (token, channel) = timer_channel(scene)?;
        start(scene, token, &channel, after_ns, None)?;
        Ok(Outcome::object(Object::Timer(Rc::new(Timer { channel, period_ns: None }))))
    }
}

pub(super) struct NewTicker;

impl Function for NewTicker {
    const DOC: Doc = Doc {
        name: "time.ticker",
        signature: "(duration: number | string | duration) -> (ticker?, error?)",
        text: "A ticker: it fires each time the duration is over, at 1 ms at the fastest. Never more than one \
               tick waits; ticks that were missed are not made up for.",
        permissions: &[],
        errors: &[
            (Kind::Invalid, "not a duration, or not more than zero"),
            (Kind::RateLimited, "too many timers"),
        ],
        example: "local time = require(\"time\")\nlocal ticker = time.ticker(\"1ms\")\n\
                  ticker:channel():receive()\nticker:channel():receive()\nassert(ticker:stop())",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data];
    type Asks = ();
    type Payload = u64;

    fn ask(question: &mut Question<'_>) -> Result<((), u64), Failure> {
        /// The clock of timers has steps of 1 ms.
        const PERIOD_NS_MIN: u64 = 1_000_000;
        Ok(((), positive(question, 0)?.max(PERIOD_NS_MIN)))
    }

    fn run(scene: &mut Scene<'_>, (): (), period_ns: u64) -> Result<Outcome, Failure> {
        let (token, channel) = timer_channel(scene)?;
        start(scene, token, &channel, period_ns, Some(period_ns))?;
        Ok(Outcome::object(Object::Timer(Rc::new(Timer { channel, period_ns: Some(period_ns) }))))
    }
}

/// The methods that timers and tickers share differ in their names only.
macro_rules! shared_methods {
    ($($response:ident $response_name:literal, $channel:ident $channel_name:literal,
       $stop:ident $stop_name:literal, $make:literal;)*) => {$(
        struct $response;

        impl Function for $response {
            const DOC: Doc = Doc {
                name: $response_name,
                signature: "() -> channel",
                text: "The channel that it delivers the time into; the same as `channel()`.",
                permissions: &[],
                errors: &[],
                example: concat!($make, "assert(t:response() == t:channel())"),
            };
            const ACCEPTS: &'static [Accepts] = &[Accepts::Data];
            type Asks = ();
            type Payload = Rc<Timer>;

            fn ask(question: &mut Question<'_>) -> Result<((), Rc<Timer>), Failure> {
                Ok(((), question.timer(0)?))
            }

            fn run(_: &mut Scene<'_>, (): (), timer: Rc<Timer>) -> Result<Outcome, Failure> {
                Ok(Outcome::object(Object::Channel(timer.channel.clone())))
            }
        }

        struct $channel;

        impl Function for $channel {
            const DOC: Doc = Doc {
                name: $channel_name,
                signature: "() -> channel",
                text: "The channel that it delivers the time into; the same at every call.",
                permissions: &[],
                errors: &[],
                example: concat!($make, "t:channel():receive()"),
            };
            const ACCEPTS: &'static [Accepts] = &[Accepts::Data];
            type Asks = ();
            type Payload = Rc<Timer>;

            fn ask(question: &mut Question<'_>) -> Result<((), Rc<Timer>), Failure> {
                Ok(((), question.timer(0)?))
            }

            fn run(_: &mut Scene<'_>, (): (), timer: Rc<Timer>) -> Result<Outcome, Failure> {
                Ok(Outcome::object(Object::Channel(timer.channel.clone())))
            }
        }

        struct $stop;

        impl Function for $stop {
            const DOC: Doc = Doc {
                name: $stop_name,
                signature: "() -> boolean",
                text: "Stops it; whether it was still running. What it had delivered and nobody received is dropped.",
                permissions: &[],
                errors: &[],
                example: concat!($make, "assert(t:stop())\nassert(not t:stop())"),
            };
            const ACCEPTS: &'static [Accepts] = &[Accepts::Data];
            type Asks = ();
            type Payload = Rc<Timer>;

            fn ask(question: &mut Question<'_>) -> Result<((), Rc<Timer>), Failure> {
                Ok(((), question.timer(0)?))
            }

            fn run(scene: &mut Scene<'_>, (): (), timer: Rc<Timer>) -> Result<Outcome, Failure> {
                let Source::Timer(guard) = timer.channel.source() else { return Ok(Outcome::value(false)) };
                guard.set_running(false);
                timer.channel.drain();
                Ok(Outcome::value(scene.world.stop_timer(guard.token())))
            }
        }
    )*};
}

shared_methods! {
    TimerResponse "timer:response", TimerChannel "timer:channel", TimerStop "timer:stop",
        "local t = require(\"time\").timer(\"1ms\")\n";
    TickerResponse "ticker:response", TickerChannel "ticker:channel", TickerStop "ticker:stop",
        "local t = require(\"time\").ticker(\"1ms\")\n";
}

struct TimerReset;

impl Function for TimerReset {
    const DOC: Doc = Doc {
        name: "timer:reset",
        signature: "(duration: number | string | duration) -> (boolean?, error?)",
        text: "Starts it anew with another duration; whether it was still running. What it had delivered and \
               nobody received is dropped.",
        permissions: &[],
        errors: &[(Kind::Invalid, "not a duration, or not more than zero")],
        example: "local t = require(\"time\").timer(\"1h\")\nassert(t:reset(\"1ms\"))\nt:channel():receive()",
    };
    const ACCEPTS: &'static [Accepts] = &[Accepts::Data, Accepts::Data];
    type Asks = ();
    type Payload = (Rc<Timer>, u64);

    fn ask(question: &mut Question<'_>) -> Result<((), (Rc<Timer>, u64)), Failure> {
        let timer = question.timer(0)?;
        Ok(((), (timer, positive(question, 1)?)))
    }

    fn run(scene: &mut Scene<'_>, (): (), (timer, after_ns): (Rc<Timer>, u64)) -> Result<Outcome, Failure> {
        let Source::Timer(guard) = timer.channel.source() else { return Ok(Outcome::value(false)) };
        let was_running = scene.world.stop_timer(guard.token());
        timer.channel.drain();
        start(scene, guard.token(), &timer.channel, after_ns, None)?;
        guard.set_running(true);
        Ok(Outcome::value(was_running))
    }
}
