//! From a file to a pipeline of the engine.

use std::{path::Path, sync::Arc};

use catena_core::{Error, Result};
use mistralrs::{
    DeviceMapSetting, ModelDType, TokenSource,
    core::{DeviceMapMetadata, GGUFLoaderBuilder, GGUFSpecificConfig, Pipeline},
};
use tokio::sync::Mutex;
use tracing::warn;

use crate::{
    counter::Tokens,
    gguf::GgufFile,
    heap,
    memory::{self, Need},
    options::{Device, LocalOptions, Weights},
    paged,
    prompt::Template,
    requantise::{self, Form},
};

pub(crate) type SharedPipeline = Arc<Mutex<dyn Pipeline + Send + Sync>>;

/// A pipeline, and what was learnt from it before the engine took it.
pub(crate) struct Loaded {
    pub(crate) pipeline: SharedPipeline,
    pub(crate) tokens: Tokens,
    pub(crate) template: Template,
    /// The most tokens of prompt and answer together.
    pub(crate) window: usize,
    /// The tokens that end an answer.
    pub(crate) ends: Vec<u32>,
    /// Bytes that a token takes in the prefix cache; 0 where the engine itself bounds it.
    pub(crate) bytes_per_token: u64,
    /// The most bytes of that cache.
    pub(crate) prefix_cache: u64,
}

/// Loads a GGUF file; slow, so not on an async thread.
pub(crate) fn file(path: &Path, options: &LocalOptions) -> Result<Loaded> {
    let mut source = GgufFile::open(path)?;
    let (form, need) = need(&source, options);
    need.check(path)?;
    let pool = paged::pool(&source, options).filter(|_| need.all_fits());
    let path = match form {
        Some(form) => requantise::converted(&mut source, form),
        None => path.to_owned(),
    };
    drop(source);

    // The engine wants a folder and a name in it; a path without a folder would be taken for a
    // repository on the hub.
    let path = path.canonicalize().unwrap_or(path);
    let utf8 = |part: Option<&Path>| part.and_then(Path::to_str).map(str::to_owned);
    let (Some(folder), Some(name)) = (utf8(path.parent()), utf8(path.file_name().map(Path::new)))
    else {
        return Err(Error::invalid(format!(
            "the path of the model '{}' is not Unicode",
            path.display()
        )));
    };
    let load = |pool| pipeline(folder.clone(), name.clone(), options, pool);
    let loaded = load(pool).or_else(|cause| match pool {
        // What is free was told before the weights took theirs: without the pool it may do.
        Some(_) => {
            warn!(cause, "loading the model again, without paged attention");
            load(None)
        }
        None => Err(cause),
    });
    let loaded = loaded.map_err(|cause| {
        Error::invalid(format!("loading the model '{}': {cause}", path.display()))
            .with_help("the engine may not know this architecture; see its list of GGUF models")
    })?;
    heap::give_back();
    Ok(Loaded {
        prefix_cache: memory::prefix_cache(options, need.left()),
        ..loaded
    })
}

/// The form in which `options` have the weights kept, and what that takes.
pub(crate) fn need(source: &GgufFile, options: &LocalOptions) -> (Option<Form>, Need) {
    let available = memory::available(options.device);
    let dense = requantise::memory(source, Some(Form::Dense));
    let form = match options.weights {
        _ if options.device != Device::Cpu => None,
        Weights::Auto => Some(Form::Q8),
        Weights::AsIs => None,
        Weights::Dense => Some(Form::Dense),
        Weights::Reading => match available {
            Some(available) if available / 2 >= dense => Some(Form::Dense),
            _ => Some(Form::Q8),
        },
    };
    let mut need = Need {
        weights: requantise::memory(source, form),
        working: memory::WORKING,
        prefix_cache: 0,
        available,
    };
    let cache = || memory::prefix_cache(options, need.left());
    need.prefix_cache = paged::pool(source, options).unwrap_or_else(cache);
    (form, need)
}

fn pipeline(
    folder: String,
    name: String,
    options: &LocalOptions,
    pool: Option<u64>,
) -> Result<Loaded, String> {
    let (device, dtype) = match options.device {
        // The automatic choice on a CPU is 16-bit numbers, which it has to emulate.
        Device::Cpu => (candle_core::Device::Cpu, ModelDType::F32),
        #[cfg(feature = "cuda")]
        Device::Cuda(number) => {
            let device = candle_core::Device::new_cuda(number);
            (device.map_err(|error| error.to_string())?, ModelDType::Auto)
        }
        #[cfg(feature = "metal")]
        Device::Metal => {
            let device = candle_core::Device::new_metal(0);
            (device.map_err(|error| error.to_string())?, ModelDType::Auto)
        }
    };
    let loader = GGUFLoaderBuilder::new(
        None,
        None,
        folder,
        vec![name],
        GGUFSpecificConfig::default(),
        false,
        None,
    )
    .build();
    let pipeline = loader
        .load_model_from_hf(
            None,
            TokenSource::None,
            &dtype,
            &device,
            true,
            DeviceMapSetting::Map(DeviceMapMetadata::dummy()),
            None,
            pool.map(paged::config).transpose()?,
        )
        .map_err(|error| format!("{error:#}"))?;
    describe(pipeline)
}

fn describe(pipeline: SharedPipeline) -> Result<Loaded, String> {
    let guard = pipeline
        .try_lock()
        .map_err(|_| "the engine holds it already".to_owned())?;
    let metadata = guard.get_metadata();
    let tokenizer = guard.tokenizer().ok_or("it has no tokenizer")?;
    let chat = guard.get_chat_template().ok_or("it has no chat template")?;
    let source = chat
        .chat_template
        .as_ref()
        .and_then(|template| template.0.as_ref().left())
        .ok_or("it has no chat template")?;
    // Every one of these may be a text or an object with a text in it.
    macro_rules! token {
        ($field:ident) => {
            chat.$field
                .as_ref()
                .map(|token| match token.0.as_ref().left() {
                    Some(text) => text.clone(),
                    None => token
                        .0
                        .as_ref()
                        .right()
                        .map(|token| token.content.clone())
                        .unwrap_or_default(),
                })
        };
    }
    let template = Template::new(
        source,
        token!(bos_token),
        token!(eos_token),
        token!(unk_token),
    )
    .map_err(|error| error.to_string())?;
    let tokens = Tokens::new(tokenizer).map_err(|error| error.to_string())?;
    let counted = metadata.model_metadata.as_ref();
    let counted = counted.filter(|_| metadata.cache_config.is_none());
    let bytes_per_token = counted.map_or(0, |model| {
        let numbers: usize = (0..model.num_layers())
            .map(|layer| {
                let head = model.k_head_dim_for_layer(layer) + model.v_head_dim_for_layer(layer);
                model.num_kv_heads_for_layer(layer) * head
            })
            .sum();
        (numbers * metadata.activation_dtype.size_in_bytes()) as u64
    });
    let (window, ends) = (metadata.max_seq_len, metadata.eos_tok.clone());
    drop(guard);
    Ok(Loaded {
        pipeline,
        tokens,
        template,
        window,
        ends,
        bytes_per_token,
        prefix_cache: 0,
    })
}
