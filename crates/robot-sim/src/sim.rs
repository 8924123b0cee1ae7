//! The handle to a running simulator.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use watchbell_json::Json;
use watchbell_time::Clock;

use crate::fault::{ActiveFault, Fault};
use crate::record::{MessageRecord, Request, RequestRecord};
use crate::robot::Robot;
use crate::virtual_clock::VirtualClock;
use crate::world::{Reaction, World};

/// What the simulator starts with.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub robots: Vec<Robot>,
}

/// A simulator. Clones are handles to the same one.
#[derive(Clone, Debug)]
pub struct RobotSim {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    clock: VirtualClock,
    world: Mutex<World>,
    /// Poked after every change; carries no data.
    changed: watch::Sender<()>,
    started_millis: i64,
}

impl RobotSim {
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, settings: Settings) -> RobotSim {
        let mut world = World::default();
        settings.robots.into_iter().for_each(|robot| world.define(robot));
        let clock = VirtualClock::new(clock);
        let started_millis = clock.now_millis();
        RobotSim { inner: Arc::new(Inner { clock, world: Mutex::new(world), changed: watch::Sender::new(()), started_millis }) }
    }

    pub(crate) fn clock(&self) -> &VirtualClock {
        &self.inner.clock
    }

    pub(crate) fn read<R>(&self, look: impl FnOnce(&World) -> R) -> R {
        look(&self.inner.world.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn change<R>(&self, act: impl FnOnce(&mut World) -> R) -> R {
        let result = act(&mut self.inner.world.lock().unwrap_or_else(PoisonError::into_inner));
        self.poke();
        result
    }

    pub(crate) fn poke(&self) {
        self.inner.changed.send_replace(());
    }

    /// Another one after a restart or a reset: pages then begin anew.
    pub(crate) fn epoch(&self) -> String {
        format!("{}-{}", self.inner.started_millis, self.read(World::generation))
    }

    /// Changes whenever anything here does.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<()> {
        self.inner.changed.subscribe()
    }

    pub(crate) fn resets_before_read(&self, request: &Request, query: &str) -> bool {
        let now = self.clock().now_millis();
        self.read(World::has_faults) && self.change(|world| world.resets_before_read(request, query, now))
    }

    pub(crate) fn receive(&self, request: Request, query: &str) -> (Reaction, u64) {
        let now = self.clock().now_millis();
        self.change(|world| world.receive(request, query, now))
    }

    /// Adds a robot, or replaces the one with its name.
    pub fn define(&self, robot: Robot) {
        self.change(|world| world.define(robot));
    }

    /// Changes a robot's settings. `false`: there is none of this name.
    pub fn edit(&self, name: &str, edit: impl FnOnce(&mut Robot)) -> bool {
        self.change(|world| world.robot_mut(name).map(edit).is_some())
    }

    pub fn inject(&self, fault: Fault) {
        self.change(|world| world.inject(ActiveFault::new(fault)));
    }

    pub fn clear_faults(&self) {
        self.change(World::clear_faults);
    }

    /// Bans a robot for so long from now on, or lifts its ban.
    pub fn ban(&self, name: &str, lasting: Option<Duration>) -> bool {
        let now = self.clock().now_millis();
        let until = lasting.map(|by| now.saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)));
        self.change(|world| world.ban(name, until))
    }

    /// The simulator's own time goes on by `by`.
    pub fn advance(&self, by: Duration) {
        self.clock().advance(by);
        self.poke();
    }

    /// Every accepted message, oldest first.
    #[must_use]
    pub fn messages(&self) -> Vec<MessageRecord> {
        self.read(|world| world.messages().collect())
    }

    /// Every attempt, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.read(|world| world.requests().cloned().collect())
    }

    #[must_use]
    pub fn stats(&self) -> Json {
        let now = self.clock().now_millis();
        self.read(|world| world.stats(now))
    }

    /// Ends when a robot has so many messages that contain all the texts, or after `within` on the given clock.
    pub async fn expect(&self, robot: Option<&str>, contains: &[String], count: usize, within: Duration) -> bool {
        let mut changes = self.changes();
        let mut timeout = self.clock().base().sleep(within);
        loop {
            let found = |message: &MessageRecord| {
                let body = message.body.to_string();
                robot.is_none_or(|name| message.robot == name) && contains.iter().all(|text| holds(message, &body, text))
            };
            if self.read(|world| world.messages().filter(found).count()) >= count {
                return true;
            }
            tokio::select! {
                biased;
                changed = changes.changed() => if changed.is_err() { return false },
                () = &mut timeout => return false,
            }
        }
    }
}

/// In title or text as people read them, or anywhere in the JSON.
fn holds(message: &MessageRecord, body: &str, text: &str) -> bool {
    body.contains(text) || [&message.title, &message.text].into_iter().flatten().any(|field| field.contains(text))
}
