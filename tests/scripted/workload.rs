//! A seeded workload against the tiny server, over a network that fails: every answer belongs to its question.
//!
//! `AIOPG_SIM_SEEDS=n` sets how many seeds are run, `AIOPG_SIM_SEED=n` replays one of them alone.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use aiopg::{Config, Connection, Error, Kind, OnDrop, Runtime};
use aiopg_sim::{FaultPlan, Faults, Sim, SimRuntime};
use aiopg_tests::cancel::PollLimit;
use aiopg_tests::counting::Counting;
use aiopg_tests::script::{Auth, Event, FakeServer};

use crate::converse::{address, assert_closed, serve_in, sim_config};

/// Seeds of each test, unless the environment says otherwise.
const SEEDS: u64 = 1_250;

/// Steps of one run.
const STEPS: i64 = 25;

/// No operation takes as long, unless a black hole has swallowed it.
const SWALLOWED: Duration = Duration::from_secs(60);

type Session = Connection<Counting<SimRuntime>>;

/// What is done to one session.
#[derive(Clone, Copy, Debug)]
enum Step {
    Answer,
    Echo,
    EchoPrepared,
    Touch,
    Simple,
    Batch,
    Stream { rows: i64, taken: i64 },
    Fail,
    Slow,
    Tardy,
    Commit,
}

/// How long it is let run.
#[derive(Clone, Copy, Debug)]
enum Patience {
    ToTheEnd,
    Polls(usize),
    Time(Duration),
}

/// How an operation ended.
#[derive(Debug)]
enum End {
    Done(Result<(), Error>),
    Dropped,
    Swallowed,
}

/// One run.
struct Run<'s> {
    sim: &'s Sim,
    runtime: Counting<SimRuntime>,
    /// The network fails by plan.
    faulty: bool,
    config: Config,
    on_drop: OnDrop,
    session: Option<Session>,
    /// The last operation was dropped.
    owed: bool,
    /// Statements that must never run: no byte of them was sent.
    never: Vec<i64>,
}

impl Run<'_> {
    fn draw(&self, below: u64) -> u64 {
        self.runtime.random() % below
    }

    async fn step(&mut self, id: i64) {
        if self.draw(12) == 0 {
            self.leave().await;
        }
        let Some(mut session) = self.session.take() else { return self.connect().await };
        let (step, patience) = (self.draw_step(), self.draw_patience());
        let sent = self.runtime.counts().bytes_written;
        let (fired, start, polls) = (self.sim.timers_fired(), self.sim.elapsed(), self.sim.polls());
        let end = match (step, patience) {
            (Step::Slow, _) => self.run(&mut session, step, id, Patience::Time(ms(30))).await,
            _ => self.run(&mut session, step, id, patience).await,
        };
        let took = self.sim.elapsed().saturating_sub(start);
        let took = took.saturating_sub(Duration::from_micros(self.sim.polls() - polls));
        let nothing_sent = self.runtime.counts().bytes_written == sent;
        match end {
            End::Done(result) => {
                if !self.faulty {
                    // A limit may pass in the very moment in which the operation ends.
                    let limits = u64::from(matches!(patience, Patience::Time(_)));
                    let fired = self.sim.timers_fired() - fired;
                    assert!(fired <= limits, "{step:?} {id} waited for a timer");
                    let limit = ms(if self.owed { 40 } else { 14 });
                    assert!(took <= limit, "{step:?} {id} took {took:?}, more than {limit:?}");
                }
                self.check(&session, step, id, result);
                self.owed = false;
            }
            End::Dropped => self.owed = true,
            End::Swallowed => {
                assert!(self.faulty, "{step:?} {id} hangs");
                return;
            }
        }
        if nothing_sent {
            self.never.push(id);
        }
        self.session = (!session.is_closed()).then_some(session);
    }

    async fn connect(&mut self) {
        let connecting = Connection::connect_on(self.runtime.clone(), self.config.clone());
        match self.runtime.timeout(SWALLOWED, connecting).await {
            Ok(Ok(session)) => (self.session, self.owed) = (Some(session), false),
            Ok(Err(error)) => {
                assert!(self.faulty, "{error:?}");
                assert!(matches!(error.kind(), Kind::Io | Kind::Timeout), "{error:?}");
            }
            Err(_) => assert!(self.faulty, "a connect hangs"),
        }
    }

    async fn leave(&mut self) {
        let Some(mut session) = self.session.take() else { return };
        if self.draw(2) == 0 {
            let closed = self.runtime.timeout(SWALLOWED, session.close()).await;
            assert!(self.faulty || matches!(closed, Ok(Ok(()))), "{closed:?}");
        }
    }

    fn draw_step(&self) -> Step {
        match self.draw(14) {
            0 | 1 => Step::Answer,
            2 | 3 => Step::Echo,
            4 => Step::EchoPrepared,
            5 => Step::Touch,
            6 => Step::Simple,
            7 => Step::Batch,
            8 | 9 => {
                let rows = i64::try_from(self.draw(60)).unwrap();
                let taken = i64::try_from(self.draw(70)).unwrap();
                Step::Stream { rows, taken }
            }
            10 => Step::Fail,
            // Only a cancel request ends it.
            11 if self.on_drop == OnDrop::Cancel => Step::Slow,
            11 | 12 => Step::Tardy,
            _ => Step::Commit,
        }
    }

    fn draw_patience(&self) -> Patience {
        match self.draw(4) {
            0 => Patience::Polls(usize::try_from(self.draw(12)).unwrap()),
            1 => Patience::Time(Duration::from_micros(self.draw(9_000))),
            _ => Patience::ToTheEnd,
        }
    }

    async fn run(&self, session: &mut Session, step: Step, id: i64, patience: Patience) -> End {
        let operation = operate(session, step, id);
        match patience {
            Patience::ToTheEnd => {
                let ended = self.runtime.timeout(SWALLOWED, operation).await;
                ended.map_or(End::Swallowed, End::Done)
            }
            Patience::Time(limit) => {
                let ended = self.runtime.timeout(limit, operation).await;
                ended.map_or(End::Dropped, End::Done)
            }
            Patience::Polls(polls) => {
                let limited = PollLimit::new(operation, polls);
                match self.runtime.timeout(SWALLOWED, limited).await {
                    Ok(ended) => ended.map_or(End::Dropped, End::Done),
                    Err(_) => End::Swallowed,
                }
            }
        }
    }

    /// An operation that was not dropped: its own answer, its own error, or a session that has ended.
    fn check(&mut self, session: &Session, step: Step, id: i64, result: Result<(), Error>) {
        let Err(error) = result else { return };
        if error.is_retryable() {
            self.never.push(id);
        }
        match error.kind() {
            Kind::Server => {
                let code = error.sqlstate().unwrap();
                assert!(
                    matches!(step, Step::Fail) && code.code() == "22012",
                    "{step:?}: {error:?}"
                );
            }
            Kind::Closed if self.on_drop == OnDrop::Close => assert_closed(&error),
            Kind::Io | Kind::Closed => {
                assert!(self.faulty, "{step:?} {id}: {error:?}");
                assert!(session.is_closed());
            }
            _ => panic!("{step:?} {id}: {error:?}"),
        }
    }
}

/// Does a step and checks the answer. Every text or parameter holds the number of the step.
async fn operate(session: &mut Session, step: Step, id: i64) -> Result<(), Error> {
    match step {
        Step::Answer => {
            let answer: i64 = session.query_scalar(format!("answer {id}"), ()).await?;
            assert_eq!(answer, id);
        }
        Step::Echo => {
            assert_eq!(session.query_scalar::<i64>("select $1::int8", (id,)).await?, id);
        }
        Step::EchoPrepared => {
            let statement = session.prepare("select $1::int8 _prepared").await?;
            assert_eq!(session.query_scalar::<i64>(&statement, (id,)).await?, id);
        }
        Step::Touch => {
            let touched = session.execute(format!("touch {id}"), ()).await?;
            assert_eq!(Ok(id), i64::try_from(touched));
        }
        Step::Simple => {
            let results = session.simple_query(&format!("answer {id} _simple; touch 1")).await?;
            assert_eq!(results.len(), 2);
            assert_eq!(results[0].row(0).unwrap().get::<&str>(0), id.to_string());
        }
        Step::Batch => session.batch_execute(&format!("touch {id} _batch")).await?,
        Step::Stream { rows, taken } => {
            let mut stream = session.stream(format!("rows {rows} from {}", id * 1000), ()).await?;
            for number in 0..taken {
                let expected = (number < rows).then_some(id * 1000 + number);
                assert_eq!(stream.next().await?.map(|row| row.get::<i64>(0)), expected);
            }
        }
        Step::Fail => {
            session.execute(format!("fail {id}"), ()).await?;
            panic!("it was to fail");
        }
        Step::Slow => {
            session.execute(format!("touch {id} _slow"), ()).await?;
            panic!("only a cancel request ends it");
        }
        Step::Tardy => {
            let answer: i64 = session.query_scalar(format!("answer {id} _tardy"), ()).await?;
            assert_eq!(answer, id);
        }
        Step::Commit => {
            session.execute(format!("commit {id} _tardy"), ()).await?;
        }
    }
    Ok(())
}

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// What a connect meets: mostly nothing, else one of everything.
fn plan(random: impl Fn(u64) -> u64) -> FaultPlan {
    let bytes = random(1_200);
    match random(10) {
        0 => FaultPlan::new().refuse(),
        1 => FaultPlan::new().hang(),
        2 => FaultPlan::new().reset_after_sent(bytes),
        3 => FaultPlan::new().reset_after_received(bytes),
        4 => FaultPlan::new().black_hole_after_sent(bytes),
        5 => FaultPlan::new().black_hole_after_received(bytes),
        _ => FaultPlan::new(),
    }
}

fn run_seed(seed: u64, faulty: bool) {
    let chance = match seed % 3 {
        0 => Faults::none(),
        1 => Faults::default(),
        _ => Faults::default().short_reads(80).short_writes(80).spurious_pending(30),
    };
    let sim = Sim::new(seed).with_faults(chance);
    let runtime = Counting::new(sim.runtime());
    let draw = |below: u64| runtime.random() % below;
    let auth = Auth::ALL[usize::try_from(draw(4)).unwrap()];
    let server = FakeServer::new().auth(auth).noisy(draw(3) == 0).cancel_takes(draw(300));
    serve_in(&sim, &server);
    if faulty {
        (0..40).for_each(|_| sim.on_connect(address(), plan(draw)));
    }
    let on_drop = [OnDrop::Cancel, OnDrop::Cancel, OnDrop::Wait, OnDrop::Close];
    let on_drop = on_drop[usize::try_from(draw(4)).unwrap()];
    // A small cache, so that statements are closed, too.
    let config =
        sim_config().on_drop(on_drop).statement_cache_capacity(3).connect_timeout(ms(9_000));
    let mut run = Run {
        sim: &sim,
        runtime: runtime.clone(),
        faulty,
        config,
        on_drop,
        session: None,
        owed: false,
        never: Vec::new(),
    };
    sim.block_on(async {
        for id in 1..=STEPS {
            run.step(id).await;
        }
        run.session = None;
        runtime.sleep_until(runtime.now() + Duration::from_secs(30)).await;
    });
    if !faulty {
        assert_eq!(sim.open_connections(), 0, "everything is closed in the end");
    }
    assert_executed(&server, &run.never);
}

/// No statement ran of which nothing was sent, and none ran twice.
fn assert_executed(server: &FakeServer, never: &[i64]) {
    let mut runs = BTreeMap::<i64, u32>::new();
    for event in server.events() {
        let Event::Executed(sql, value) = event else { continue };
        let number = || sql.split_whitespace().nth(1).and_then(|word| word.parse::<i64>().ok());
        let id = match sql.rsplit_once(" from ") {
            Some((_, first)) => first.parse::<i64>().ok().map(|first| first / 1000),
            None if sql.trim() == "touch 1" => None,
            None => value.or_else(number),
        };
        if let Some(id) = id {
            *runs.entry(id).or_default() += 1;
        }
    }
    for (id, count) in runs {
        assert_eq!(count, 1, "statement {id} ran more than once");
        assert!(!never.contains(&id), "statement {id} ran, though nothing of it was sent");
    }
}

fn run_seeds(name: &str, faulty: bool) {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seeds = match number("AIOPG_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("AIOPG_SIM_SEEDS").unwrap_or(SEEDS),
    };
    for seed in seeds {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| run_seed(seed, faulty))) {
            let text = message(payload.as_ref());
            let command = format!("cargo test -p aiopg-tests --test scripted {name}");
            panic!("seed {seed}: {text}\nreplay it: AIOPG_SIM_SEED={seed} {command}");
        }
    }
}

pub(crate) fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().cloned();
    text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_default()
}

#[test]
fn on_a_sound_network_every_question_gets_its_answer_in_time() {
    run_seeds("on_a_sound_network", false);
}

#[test]
fn on_a_failing_network_every_question_gets_its_answer_or_an_error() {
    run_seeds("on_a_failing_network", true);
}
