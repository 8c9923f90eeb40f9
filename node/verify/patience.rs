//! Timeouts for tests and scenarios that fit the machine. They are given as on a quiet machine, and grow with the
//! measured slowness of this one.
//!
//! A fixed piece of work (hashing, waking a thread, synced writes) is timed and compared with the time on a quiet
//! reference machine. While something waits, the work is timed again every second, so that a wait which began on a
//! quiet machine lasts longer once the machine is busy: a [`Patience`] counts the seconds that a quiet machine would
//! have had. A number for another process, such as a deadline, is multiplied once, by [`on_this_machine`].
//!
//! No node may use it: a node's timeouts are those that a person configured.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::sync::mpsc::channel;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The time of one measurement on the reference machine: two idle cores of a server of 2024.
const REFERENCE: Duration = Duration::from_millis(20);
/// The greatest slowness that counts, so that every wait has a bound.
const SLOWNESS_MAX: f64 = 60.0;
/// The pause between two measurements while something waits.
const REST: Duration = Duration::from_secs(1);
/// How many of the last measurements count for [`slowness`], unless they are old.
const RECENT: usize = 5;
const RECENT_LEAST: usize = 3;
const FRESH: Duration = Duration::from_secs(5);
/// How often a wait for a future checks its time.
const LOOK_EVERY: Duration = Duration::from_millis(100);

static MACHINE: Machine = Machine { pace: Mutex::new(None), waits: Condvar::new(), measures: Mutex::new(()) };

/// A wait that is over when a quiet machine would have had this much time.
pub struct Patience {
    most: Duration,
    begun: Duration,
}

impl Patience {
    /// `most` is a time of a quiet machine.
    pub fn of(most: Duration) -> Patience {
        Patience { most, begun: MACHINE.begin_wait() }
    }

    /// Whether a quiet machine would have had that much time.
    pub fn is_over(&self) -> bool {
        self.passed() >= self.most
    }

    /// How much time a quiet machine would have had since the wait began.
    pub fn passed(&self) -> Duration {
        MACHINE.pace().now().saturating_sub(self.begun)
    }
}

impl Drop for Patience {
    fn drop(&mut self) {
        MACHINE.pace().waits -= 1;
    }
}

/// The result of the future, or `None` if it has not ended when a quiet machine would have had this much time.
pub async fn within<T>(most: Duration, future: impl Future<Output = T>) -> Option<T> {
    let patience = Patience::of(most);
    let over = async {
        while !patience.is_over() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::select! {
        biased;
        done = future => Some(done),
        () = over => None,
    }
}

/// The time that this machine needs now for what takes a quiet machine `quiet`. Blocks for a moment to measure if
/// nothing has waited lately.
pub fn on_this_machine(quiet: Duration) -> Duration {
    quiet.mul_f64(slowness())
}

/// How much slower than a quiet machine this one is now; 1 if it is as fast or faster. Blocks as [`on_this_machine`]
/// does.
pub fn slowness() -> f64 {
    loop {
        if let Some(slowness) = MACHINE.pace().slowness() {
            return slowness;
        }
        MACHINE.measure();
    }
}

/// The one machine that all waits of this process share.
struct Machine {
    pace: Mutex<Option<Pace>>,
    /// Wakes the thread that measures when something begins to wait.
    waits: Condvar,
    /// Held during a measurement: two at once would measure each other.
    measures: Mutex<()>,
}

/// How fast time has passed so far.
struct Pace {
    /// The time that a quiet machine would have had up to `at`.
    quiet: Duration,
    at: Instant,
    /// When each of the last measurements ended, and its slowness.
    recent: VecDeque<(Instant, f64)>,
    /// How many waits are in progress. Without waits nothing is measured.
    waits: usize,
}

impl Machine {
    fn begin_wait(&self) -> Duration {
        let mut pace = self.pace();
        pace.waits += 1;
        self.waits.notify_one();
        pace.now()
    }

    /// The pace; the first use starts the thread that measures.
    fn pace(&self) -> PaceGuard<'_> {
        let mut guard = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        if guard.is_none() {
            let (quiet, at) = (Duration::ZERO, Instant::now());
            *guard = Some(Pace { quiet, at, recent: VecDeque::new(), waits: 0 });
            // If it cannot be started, time passes as on a quiet machine.
            let _ = std::thread::Builder::new().name("patience".to_owned()).spawn(|| MACHINE.keep_measuring());
        }
        PaceGuard(guard)
    }

    fn keep_measuring(&self) {
        loop {
            let guard = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
            let idle = |pace: &mut Option<Pace>| pace.as_ref().is_none_or(|pace| pace.waits == 0);
            drop(self.waits.wait_while(guard, idle));
            self.measure();
            std::thread::sleep(REST);
        }
    }

    fn measure(&self) {
        let _alone = self.measures.lock().unwrap_or_else(PoisonError::into_inner);
        let slowness = fixed_work().div_duration_f64(REFERENCE);
        self.pace().add(slowness.clamp(1.0, SLOWNESS_MAX));
    }
}

struct PaceGuard<'a>(MutexGuard<'a, Option<Pace>>);

impl std::ops::Deref for PaceGuard<'_> {
    type Target = Pace;

    fn deref(&self) -> &Pace {
        self.0.as_ref().expect("it is initialized before it is guarded")
    }
}

impl std::ops::DerefMut for PaceGuard<'_> {
    fn deref_mut(&mut self) -> &mut Pace {
        self.0.as_mut().expect("it is initialized before it is guarded")
    }
}

impl Pace {
    fn add(&mut self, slowness: f64) {
        let now = Instant::now();
        self.quiet += (now - self.at).div_f64(slowness);
        self.at = now;
        self.recent.push_back((now, slowness));
        while self.recent.len() > RECENT {
            self.recent.pop_front();
        }
    }

    /// The time that a quiet machine would have had by now. An overdue measurement means that the machine is slower
    /// than the last one found.
    fn now(&self) -> Duration {
        let since = self.at.elapsed();
        let known = since.min(2 * REST);
        let last = self.recent.back().map_or(1.0, |(_, slowness)| *slowness);
        self.quiet + known.div_f64(last) + (since - known).div_f64(SLOWNESS_MAX)
    }

    /// The second greatest recent slowness, so that one slow sync does not count; `None` without enough measurements.
    fn slowness(&self) -> Option<f64> {
        let fresh = self.recent.iter().filter(|(at, _)| at.elapsed() < FRESH);
        let mut fresh: Vec<f64> = fresh.map(|(_, slowness)| *slowness).collect();
        if fresh.len() < RECENT_LEAST {
            return None;
        }
        fresh.sort_by(f64::total_cmp);
        Some(fresh[fresh.len() - 2])
    }
}

const HASHES: usize = 120_000;
const WAKE_UPS: usize = 40;
const SYNCS: usize = 2;

/// Times the fixed work: some for a core, some for the scheduler, some for the disk of temporary files.
fn fixed_work() -> Duration {
    let begun = Instant::now();
    let mut block = [7; 64];
    for _ in 0..HASHES {
        let digest = blake3::hash(&block);
        block[..32].copy_from_slice(digest.as_bytes());
    }
    std::hint::black_box(block);
    wake_each_other();
    // Without a folder for temporary files only the rest is measured.
    let _ = sync();
    begun.elapsed()
}

fn wake_each_other() {
    let ((to, from_here), (back, answers)) = (channel(), channel());
    std::thread::scope(|scope| {
        scope.spawn(move || from_here.iter().for_each(|number: usize| _ = back.send(number)));
        for number in 0..WAKE_UPS {
            let _ = to.send(number);
            let _ = answers.recv();
        }
        drop(to);
    });
}

fn sync() -> std::io::Result<()> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let path = std::env::temp_dir().join(format!("epoca-patience-{}-{since}", std::process::id()));
    let mut file = File::create_new(&path)?;
    // The name is removed at once, so that no file is left behind.
    std::fs::remove_file(&path)?;
    for _ in 0..SYNCS {
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace() -> Pace {
        Pace { quiet: Duration::ZERO, at: Instant::now(), recent: VecDeque::new(), waits: 0 }
    }

    #[test]
    fn on_a_machine_that_is_ten_times_slower_a_tenth_of_the_time_passes() {
        let mut pace = pace();
        pace.at -= Duration::from_secs(100);
        pace.add(10.0);
        assert_eq!(pace.quiet.as_secs(), 10);
        pace.at -= Duration::from_secs(50);
        pace.add(1.0);
        assert_eq!(pace.quiet.as_secs(), 60);
    }

    #[test]
    fn time_passes_slowly_while_a_measurement_does_not_end() {
        let mut pace = pace();
        pace.add(1.0);
        pace.at -= Duration::from_secs(602);
        let passed = pace.now().as_secs_f64();
        assert!((11.9..13.0).contains(&passed), "{passed}");
    }

    #[test]
    fn one_measurement_that_took_long_does_not_count() {
        let mut pace = pace();
        assert_eq!(pace.slowness(), None);
        for slowness in [1.0, 50.0, 1.5] {
            pace.add(slowness);
        }
        assert_eq!(pace.slowness(), Some(1.5));
        for slowness in [9.0, 10.0, 11.0, 12.0, 10.0] {
            pace.add(slowness);
        }
        assert_eq!(pace.slowness(), Some(11.0), "the last five");
    }

    #[tokio::test]
    async fn a_wait_ends_with_what_it_waits_for_or_when_its_time_is_up() {
        assert_eq!(within(Duration::from_secs(30), async { 1 }).await, Some(1));
        let never = std::future::pending::<()>();
        assert_eq!(within(Duration::from_millis(50), never).await, None);
        let patience = Patience::of(Duration::from_millis(50));
        while !patience.is_over() {
            std::thread::yield_now();
        }
        assert!(slowness() >= 1.0);
    }
}
